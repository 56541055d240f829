"""A sentence in, a vector out.

The one room that both interpreters import (Python 3.10 inside Rasa, 3.12 everywhere else), so it
depends on numpy, onnxruntime, tokenizers and rapidfuzz only.
"""

from encoder.sentence_encoder import DIMENSIONS, EncoderUnavailable, SentenceEncoder, whole_words

__all__ = ["DIMENSIONS", "EncoderUnavailable", "SentenceEncoder", "whole_words"]
