"""Phrases by which a response is known as a refusal, a letter, or a stray.

All are searched in lower case with straight quotes. `tests/data` has responses
by which they are measured, with others that look like them and are none.

Authors
 * The speechbrain_relm contributors 2026
"""

import re


def _any_of(*patterns):
    """Compiles what matches where one of several patterns does."""
    return re.compile("|".join(patterns), re.VERBOSE)


_MACHINE = r"""
    (?:(?:large|virtual|digital|artificial|ai|text-based|computer)[ ])*
    (?:ai|a\.i\.|artificial[ ]intelligence|language[ ]model|llm|chatbot
    |(?<=ai[ ])assistant|(?<=virtual[ ])assistant|(?<=digital[ ])assistant
    |(?<=computer[ ])program)(?!\w)
"""
_CANNOT = r"""
    \b(?:cannot|can't|can[ ]not|unable[ ]to|not[ ]able[ ]to|will[ ]not|won't)
    [ ](?:\w+[ ])?
"""
_MATERIAL = r"""
    (?:context|information|details|sentence|text|audio|speech|recording
    |message|input)\b
"""

# An answer with one of these is a refusal, and no example to learn from. The
# first two and "as an ai" are the released code's.
REFUSAL = _any_of(
    r"i(?:'m|[ ]am)[ ]sorry,[ ]but[ ]i\b",
    r"i(?:'m|[ ]am)[ ]not[ ]sure[ ]what[ ]you(?:'re|[ ]are|[ ]mean|[ ]want)",
    rf"\bas[ ](?:an?|your)[ ]{_MACHINE}",
    rf"\bi(?:'m|[ ]am)[ ](?:\w+[ ])?an?[ ]{_MACHINE}",
    rf"{_CANNOT}(?:assist|fulfill?|comply|provide|process|generate|complete)\b",
    rf"{_CANNOT}help[ ](?:you[ ])?with\b",
    rf"""{_CANNOT}(?:\w+[ ]){{1,3}}(?:request|conversation|sentence|prompt
        |question|content|topic|task)\b""",
    rf"""{_CANNOT}(?:hear|listen|play|access)[ ]
        (?:to[ ])?(?:the[ ]|any[ ]|your[ ]|this[ ])?
        (?:audio|recording|sound|speech|voice|text)""",
    r"""\bi[ ](?:do[ ]not|don't)[ ]have[ ](?:the[ ]ability|personal|feelings
        |emotions|(?:real-time[ ])?access[ ]to[ ](?:your|the|any|real
        |(?:this|that|such)[ ](?:information|data|file|recording|audio)))\b""",
    r"\bi(?:'m|[ ]am)[ ]not[ ]capable[ ]of\b",
    r"\bi[ ]apologi[sz]e(?:,[ ]but[ ]i\b|[ ]for[ ](?:the|any)[ ]confusion)",
    rf"""(?:\bplease|\bcould[ ]you|\bcan[ ]you)[ ](?:please[ ])?
        (?:provide|share)[ ](?:me[ ])?(?:with[ ])?(?:\w+[ ]){{0,2}}
        {_MATERIAL}""",
    rf"\bthere[ ](?:is|was)[ ]no[ ]{_MATERIAL}",
    r"\b(?:not[ ]programmed|my[ ](?:programming|training[ ]data))\b",
    r"\bi(?:'m|[ ]am)[ ](?:programmed|designed|trained)[ ]to\b",
    r"\bnot[ ](?:appropriate|possible)[ ]for[ ]me\b",
    r"\bi(?:[ ](?:must|have[ ]to|need[ ]to)|'ll[ ]have[ ]to)[ ]decline\b",
    r"\bi(?:'m|[ ]am)[ ]not[ ]comfortable[ ]\w+ing\b",
    r"""\bi[ ](?:don't|do[ ]not|didn't|did[ ]not)[ ](?:quite[ ])?understand[ ]
        (?:what[ ]you(?:'re|[ ]mean|[ ]are)|(?:the|your)[ ](?:question|request
        |sentence|message))""",
    r"\b(?:could|can)[ ]you[ ](?:please[ ])?(?:clarify|rephrase)\b",
)

_BLANK = r"""
    (?:your|my|recipient|sender|insert|name|date|time|address|company|city
    |title|phone|e-?mail|signature|friend)\b[^\]>}\n]{0,30}
"""
# A letter: salutation or ending where letters have them, or a blank to fill in.
LETTER = _any_of(
    r"""(?:^|\n|:[ ]?["']?)\W*dear[ ](?!me\b|god\b|lord\b)
        [^!?\n]{1,40}?(?:,|:|\n|$)""",
    r"(?:^|\n)\W*subject:",
    rf"[\[<{{]{_BLANK}[\]>}}]",
    r"\b(?:message|letter|e-?mail|note)[ ]finds[ ]you\b",
    r"\bto[ ]whom[ ]it[ ]may[ ]concern\b",
    r"\bi(?:'m|[ ]am)[ ]writing[ ](?:you|to[ ](?:you|inform|let|tell|express))\b",
    r"""(?:^|[\n.!?])\s*(?:yours[ ](?:sincerely|truly|faithfully)
        |sincerely(?:[ ]yours)?)\s*(?:,\s*[\w.\[\]\s]{0,30}$|\n|$)""",
    r"""(?:^|\n)\s*(?:yours|love|with[ ]love|warmly|cheers|regards
        |best(?:[ ]wishes)?|all[ ]the[ ]best|your[ ]friend|take[ ]care)
        \s*,\s*\n""",
    r"\n[ ]*[\w ]{1,25},[ ]*\n\s*\w+[.!]?$",  # "Hugs,", and a name
    r"""[.!?]\s*(?:yours|love|with[ ]love|warmly|best[ ]wishes
        |all[ ]the[ ]best),\s*\w+\W*$""",
    r"""(?:^|[\n.!?,])\s*(?:with[ ])?(?:my[ ])?
        (?:best|kind|warm|warmest|kindest)[ ]regards\b""",
    r"(?:^|[\n.!?])\s*p\.[ ]?s\.",
)

_ABOUT = r"""
    (?:is|are|seems|sounds|feels|appears|says|wants|has|might|may|could
    |expresses|conveys|describes|suggests|reflects|implies)\b
"""
# It leaves its part: writes others' turns, speaks about the user or its task.
ROLE = _any_of(
    r"""(?:^|\n)\W*(?:user|assistant|human|ai|bot|system|listener|response
        |reply|continuation|output|sentence|emotion|speaker(?:[ ]\w+)?
        |person[ ]\w)[ ]?:""",
    r"(?:^|\n)(?:user|assistant|system)\s*\n",
    r"<\|\w+\|>|\[/?inst\]|</?s>",
    r"(?:^|\W)[aq]:[ ].+?\W[ab]:[ ]",
    rf"\b(?:the|this)[ ](?:speaker|user|sentence)(?:'s[ ]\w+)?[ ]{_ABOUT}",
    r"""\b(?:the|this)[ ](?:speech|text|statement|transcript|passage)[ ]
        (?:expresses|conveys|reflects|implies)\b""",
    r"\bemotion(?:al)?[ ]tone\b",
    r"\bhere(?:[ ]is|'s)[ ]how[ ]i(?:'d|[ ]would)\b",
    r"""\b(?:help[ ]you|let[ ]me|i'll|i[ ]will)[ ]continue[ ](?:the|this|your)[ ]
        (?:sentence|text|story)\b""",
    r"""\bhere(?:[ ]is|'s)[ ](?:an?|the|one|my)[ ](?:\w+[ ]){0,2}
        (?:continuation|response|reply|version|letter|story|poem)\b""",
    r"""\b(?:a|an|one|another)[ ](?:possible|suitable|appropriate|empathetic
        |potential)[ ](?:continuation|response|reply|answer)\b""",
)
