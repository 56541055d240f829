"""The documents keep up with the code: settings, commands, targets, links and the examples for editors."""

from __future__ import annotations

import importlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic_settings import BaseSettings

from helpline.cli import main
from helpline.settings import ROOT
from knowledge.check import check_content
from knowledge.content import SHIPPED, read_content

_ROOMS = ("encoder", "actions", "knowledge", "conversations", "gateway", "desk", "helpline")
_README = ROOT / "README.md"
_DOCUMENTS = [_README, *sorted((ROOT / "docs").rglob("*.md"))]


def _settings_classes() -> list[type[BaseSettings]]:
    """Every class of settings in the rooms, found in the source so that a new one is not forgotten."""
    found = []
    for room in _ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for name in re.findall(r"^class (\w+)\(BaseSettings\)", path.read_text(), re.MULTILINE):
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found.append(getattr(importlib.import_module(module), name))
    return found


def _variables() -> list[str]:
    return sorted(
        {
            f"{settings.model_config.get('env_prefix', '')}{field}".upper()
            for settings in _settings_classes()
            for field in settings.model_fields
        }
    )


def test_every_settings_class_is_found() -> None:
    assert len(_settings_classes()) >= 4
    assert "HELPLINE_DATA_DIR" in _variables()


@pytest.mark.parametrize("variable", _variables())
def test_a_setting_has_a_row_in_running(variable: str) -> None:
    rows = re.findall(r"^\| `(HELPLINE_\w+)` \|", (ROOT / "docs" / "running.md").read_text(), re.MULTILINE)
    assert variable in rows


def test_no_setting_is_described_that_is_not_there() -> None:
    named = {name for path in _DOCUMENTS for name in re.findall(r"\bHELPLINE_[A-Z_]+\b", path.read_text())}
    assert named - set(_variables()) == {"HELPLINE_TEST_POSTGRES"}


def _commands(command: click.Command, words: tuple[str, ...] = ("helpline",)) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, (*words, name))
    else:
        yield " ".join(words)


@pytest.mark.parametrize("command", list(_commands(main)))
def test_a_command_is_described(command: str) -> None:
    assert any(re.search(rf"{command}\b", path.read_text()) for path in _DOCUMENTS)


def test_no_command_is_described_that_is_not_there() -> None:
    known = {words.split()[1] for words in _commands(main)}
    described = {
        name for path in _DOCUMENTS for name in re.findall(r"(?:`|/bin/)helpline ([a-z]+)", path.read_text())
    }
    assert described <= known


def test_every_make_target_is_in_the_readme_and_no_other() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets == set(re.findall(r"`make ([a-z-]+)`", _README.read_text()))


def _links() -> list[tuple[Path, str]]:
    outside = re.compile(r"^[a-z]+:")
    return [
        (path, target)
        for path in _DOCUMENTS
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text())
        if not outside.match(target)
    ]


def _anchors(path: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("path", "target"), _links(), ids=[f"{path.name}: {target}" for path, target in _links()]
)
def test_a_link_leads_somewhere(path: Path, target: str) -> None:
    file, _, anchor = target.partition("#")
    there = (path.parent / file).resolve() if file else path
    assert there.exists(), f"{path.name} links to {target}"
    assert ROOT in there.parents, f"{path.name} links out of the project: {target}"
    if anchor:
        assert anchor in _anchors(there), f"{path.name} links to {target}, which has no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = {_README}, [_README]
    while waiting:
        here = waiting.pop()
        for path, target in _links():
            there = (path.parent / target.partition("#")[0]).resolve()
            if path == here and there in _DOCUMENTS and there not in reached:
                reached.add(there)
                waiting.append(there)
    assert set(_DOCUMENTS) - reached == set()


def test_files_that_are_named_exist() -> None:
    rooms = "|".join((*_ROOMS, "bot", "data", "tests"))
    named = {
        (path.name, name)
        for path in _DOCUMENTS
        for name in re.findall(rf"`((?:{rooms})/[\w/.-]*)`", path.read_text())
    }
    assert named
    assert [where for where in sorted(named) if not (ROOT / where[1]).exists()] == []


def test_the_examples_for_editors_are_good_content(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    shutil.copytree(SHIPPED, folder)
    examples = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "content.md").read_text(), re.S | re.M)
    for number, example in enumerate(examples):
        (folder / f"example_{number}.yml").write_text(example)
    before, content = read_content(), read_content(folder)
    added = {record.id for record in content.records()} - {record.id for record in before.records()}
    assert len(added) >= 6
    said_badly = [problem for problem in check_content(content).problems if problem.startswith(tuple(added))]
    assert said_badly == []
