"""Training of dimensional-emotion encoders (Wagner et al. 2023).

Authors
 * The speechbrain_relm contributors 2026
"""
