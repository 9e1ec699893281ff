"""Short everyday sentences that can be said in any emotion.

Authors
 * The speechbrain_relm contributors 2026
"""

import re
from itertools import product
from pathlib import Path

WRITTEN = """
I left my keys on the kitchen table.
She called me back this morning.
The train leaves in ten minutes.
They moved into the house next door.
My brother is coming home on Friday.
We are having dinner at my parents' place.
He told me about it last night.
The letter arrived while I was out.
You said you would be here by noon.
Our neighbours bought a new dog.
I have to be at work early tomorrow.
The doctor wants to see me again.
Nobody told me the plan had changed.
It has been raining since yesterday.
She is going to sing at the wedding.
I heard that you got the job.
The children are playing in the garden.
He forgot to lock the front door.
We will know the results on Monday.
My phone has stopped working again.
They are closing the shop at the corner.
I found your old photographs upstairs.
The bus was full when it came.
You never mentioned your sister before.
I have never seen this place so empty.
Dad is waiting for us in the car.
The meeting was moved to the afternoon.
She left a message on the machine.
I finished the book you gave me.
We used to walk here every Sunday.
He has been in the kitchen all day.
The cat is asleep on my coat.
They asked me to stay another week.
My teacher read the story to the class.
The whole street heard the music.
I think someone is at the door.
You can have the room at the back.
The last ticket was sold an hour ago.
Her flight lands just after midnight.
I wrote down everything they said.
We painted the walls over the weekend.
The coffee is already on the table.
He wants me to meet his family.
The lights went out during the film.
I am taking the children to the lake.
She gave the ring back to him.
There is a letter for you downstairs.
The team played again on Saturday.
I saw your name on the list.
We have only two days left here.
Grandma is making soup for everyone.
The window was open all night.
He said the same thing last year.
I am going to call her now.
The road to the village is closed.
You are the first person to ask.
They changed the menu at the restaurant.
My sister and I share a room.
The exam is the day after tomorrow.
I kept the ticket in my pocket.
Someone parked in front of our house.
We met at the station years ago.
The baby woke up before five.
He drove all the way from the coast.
I did not expect to see you here.
The boss wants to talk to us.
She is moving to another city in spring.
Everything we own is in that van.
The neighbours are having a party tonight.
I have been thinking about your question.
""".strip().split("\n")

# Further sentences are combined from these.
WHO = ["My brother", "Our teacher", "The woman upstairs", "Her best friend"]
WHO += ["The new manager", "Your cousin", "My old neighbour"]
DID = ["lost the tickets", "opened the letter", "bought some flowers"]
DID += ["brought the dog", "talked about me", "started to sing"]
DID += ["left early", "met my parents"]
WHERE = ["at the station", "on the way home", "before dinner"]
WHERE += ["in the garden", "during the holidays"]

# Words of one's own sentences at most: about 20 s of slow speech.
LONGEST = 40
MOST = len(WRITTEN) + len(WHO) * len(DID) * len(WHERE)


def everyday_sentences(count):
    """Lists distinct sentences, always the same ones.

    Arguments
    ---------
    count : int
        How many sentences, 1 to 350.

    Returns
    -------
    list of str
        The first `count` sentences: those written by hand come first.

    Raises
    ------
    ValueError
        If there are not so many.

    Example
    -------
    >>> everyday_sentences(2)
    ['I left my keys on the kitchen table.', 'She called me back this morning.']
    >>> everyday_sentences(71)[-1]
    'My brother lost the tickets at the station.'
    """
    if not 1 <= count <= MOST:
        raise ValueError(
            f"{count} sentences were asked for: ask for 1 to {MOST}."
        )
    combined = (f"{' '.join(parts)}." for parts in product(WHO, DID, WHERE))
    return [*WRITTEN, *combined][:count]


def read_sentences(path, most=MOST):
    """Reads sentences of one's own.

    Arguments
    ---------
    path : str or pathlib.Path
        UTF-8 text, one sentence a line; empty lines do not count.
    most : int
        How many there may be.

    Returns
    -------
    list of str
        The sentences.

    Raises
    ------
    ValueError
        If a line cannot be spoken or comes twice, or if there are none or
        too many.

    Example
    -------
    >>> path = getfixture("tmp_path") / "mine.txt"
    >>> _ = path.write_text("Here we are.\\n\\nhere we are\\n")
    >>> read_sentences(path)
    Traceback (most recent call last):
    ...
    ValueError: .../mine.txt, line 3: line 1 says it already: change one.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not UTF-8: save it so.")
    found, seen = [], {}
    for number, line in enumerate(text.splitlines(), start=1):
        sentence = " ".join(line.split())
        if not sentence:
            continue
        words = tuple(re.findall(r"\w+", sentence.lower()))
        problem = _cannot_be_said(sentence, words)
        if words in seen:
            problem = f"line {seen[words]} says it already: change one."
        if problem:
            raise ValueError(f"{path}, line {number}: {problem}")
        seen[words] = number
        found.append(sentence)
    if not 1 <= len(found) <= most:
        raise ValueError(
            f"{path} has {len(found)} sentences: 1 to {most} are needed."
        )
    return found


def _cannot_be_said(sentence, words):
    """Says what is wrong with a sentence, if anything."""
    if not any(character.isalpha() for character in sentence):
        return "there is no letter to speak."
    if len(words) > LONGEST:
        return f"{len(words)} words: write {LONGEST} at most."
    if not sentence.isprintable():
        return "it has control characters: remove them."
    return None
