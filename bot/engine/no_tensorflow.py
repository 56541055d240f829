"""Rasa without TensorFlow, for models that have no use for it.

Rasa imports TensorFlow at its start whatever the model: the largest part of the time until it is ready, and
some 350 MB of memory. Our pipeline uses none of it. So ``tensorflow`` is a stand-in, whose names are empty
classes that modules may inherit from and decorate with, unless the model has a component that needs it.
Turned off with ``no_tensorflow`` in HELPLINE_ENGINE_OFF.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any, Optional

#: Packages that are imported only because TensorFlow is.
_PACKAGES = ("tensorflow", "tensorflow_addons", "tensorflow_text", "tensorflow_hub", "keras")

#: Rasa's components that need it, as a model's metadata name them.
_USERS = (
    "DIETClassifier",
    "ResponseSelector",
    "TEDPolicy",
    "UnexpecTEDIntentPolicy",
    "ConveRTFeaturizer",
    "LanguageModelFeaturizer",
)


class TensorFlowLeftOut(RuntimeError):
    """A part of Rasa that needs TensorFlow was used although no component of the model should."""


def needed_by(model: Path) -> bool:
    """Whether a trained model has a component that uses TensorFlow. True when it cannot be told."""
    try:
        with tarfile.open(model) as archive:
            for member in archive:
                if Path(member.name).name == "metadata.json":
                    file = archive.extractfile(member)
                    schema = json.load(file)["predict_schema"] if file else {}
                    uses = [node["uses"].rpartition(".")[2] for node in schema["nodes"].values()]
                    return any(name in _USERS for name in uses)
    except (OSError, tarfile.TarError, KeyError, ValueError):
        pass
    return True


def leave_out() -> None:
    """From here on ``import tensorflow`` gives the stand-in. To be called before Rasa is imported."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Empty(type):
    """A class of which every attribute is another such class. It can be inherited from, not used."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty(name, (), {})

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__mro__[1:] != (object,):  # a class of Rasa's that inherits from one of these
            raise TensorFlowLeftOut(
                f"{cls.__name__} needs TensorFlow; add no_tensorflow to HELPLINE_ENGINE_OFF"
            )
        if len(args) == 1 and callable(args[0]) and not kwargs:
            return args[0]  # used as a decorator
        return cls

    def __getitem__(cls, _key: Any) -> Any:
        return cls


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty(name, (), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Any, target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname.split(".")[0] in _PACKAGES:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass
