"""`peavine hello`: index and search real images with a Flow, say how good and how fast it was, and draw the matches.

It uses peavine as any user would: a manifest, `LocalFlow` and `Client`.
"""
