"""How we run Rasa: what the bot remembers, what is changed in Rasa's behaviour, and the start.

``python -m bot.engine`` starts Rasa. Nothing here decides what is answered: the files of a trained model do.
"""
