"""``docs/performance.md`` and its plots, from the figures that were kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.results import IMAGES, PAGE, read

type Part = Mapping[str, Any]


def write() -> Path:
    """Write the page of everything that has been measured. Returns its path."""
    results = read()
    parts = [
        "# Performance",
        "This page is written by `helpline bench report` from what `make bench` measured. Every figure is\n"
        "of one run; a ratio compares with what ran beside it, asked in turn. Seconds depend on what else\n"
        "the machine did (its load average at the end of each part is told); processor time hardly does.",
    ]
    for name, section in _SECTIONS.items():
        if name in results:
            parts.append(section(results[name]))
            parts.append(_how(results[name]["how"]))
    PAGE.write_text("\n\n".join(parts) + "\n")
    return PAGE


def _how(how: Part) -> str:
    return (
        f"Command: `{how['command']}`. {how['at']}, {how['cores']} cores ({how['machine']}), load average"
        f" {how['load']}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _turns(title: str, said: str) -> Callable[[Part], str]:
    def section(part: Part) -> str:
        base: dict[int, Part] = {}
        rows = []
        for row in part["figures"]:
            first = base.setdefault(row["chats"], row)
            rows.append(
                [
                    row["what"],
                    row["chats"],
                    row["turns"],
                    row["errors"],
                    *(f"{row[key]:.1f}" for key in ("p50", "p95", "p99", "per_second", "cpu")),
                    f"{row['p50'] / first['p50']:.2f}",
                    f"{row['cpu'] / first['cpu']:.2f}",
                    f"{row['per_second'] / first['per_second']:.2f}",
                ]
            )
        head = ["what", "chats", "turns", "errors", "p50 ms", "p95 ms", "p99 ms", "turns/s", "CPU ms a turn"]
        head += ["p50 x", "CPU x", "turns/s x"]
        return f"## {title}\n\n{said}\n\n{_table(head, rows)}"

    return section


def _many(part: Part) -> str:
    text = _turns(
        "Many chats",
        "People who say the next thing as soon as they are answered, in chats of five turns. x: against\n"
        "stock Rasa with as many chats. The gateway is slower than the Rasa behind it by what it does\n"
        "besides.",
    )(part)
    _plot(
        "performance-chats.png",
        "chats at once",
        "p95 of a turn, ms",
        _lines(part["figures"], "chats", "p95"),
        logarithmic=True,
    )
    return f"{text}\n\n![p95 of a turn by chats at once, for stock Rasa, our Rasa and the gateway]\
(images/performance-chats.png)"


def _growth(part: Part) -> str:
    figures = part["figures"]
    turns = list(figures[0]["at"])
    rows = [
        [
            row["what"],
            *(f"{row['at'][turn]:.1f}" for turn in turns),
            f"{row['at']['200'] / row['at']['5']:.2f}",
        ]
        for row in figures
    ]
    lines = {
        row["what"]: ([int(turn) for turn in turns], [row["at"][turn] for turn in turns]) for row in figures
    }
    _plot("performance-growth.png", "turn of the chat", "a turn with an action, ms", lines)
    head = ["what", *(f"turn {turn}, ms" for turn in turns), "turn 200 / turn 5"]
    return (
        "## Within one chat\n\nThe median of the turns around each.\n\n"
        f"{_table(head, rows)}\n\n![A turn's time by its number in the chat](images/performance-growth.png)"
    )


def _engine(part: Part) -> str:
    names = {
        "store_ms": "stored and read, ms",
        "states_ms": "states for policies, ms",
        "call_ms": "call written, ms",
        "call_kb": "call, kB",
        "reply_ms": "reply checked, ms",
    }
    rows = [[row["what"], row["turn"], *(f"{row[name]:.2f}" for name in names)] for row in part["figures"]]
    return (
        "## The parts of a turn inside Rasa\n\nProcessor time of what our changes replace, at a turn of a"
        " chat (`bot/engine/measure.py`). Stock Rasa: its\nstore in memory. Ours: SQLite on disk. An action"
        " writes one call and checks one reply.\n\n" + _table(["what", "turn", *names.values()], rows)
    )


def _start(part: Part) -> str:
    rows = [
        [row["what"], f"{row['seconds']:.1f}", f"{row['cpu']:.1f}", f"{row['megabytes']:.0f}"]
        for row in part["figures"]
    ]
    head = ["process", "seconds until ready", "CPU s until ready", "memory, MB"]
    return f"## Start and memory\n\nEach started alone, with a trained model.\n\n{_table(head, rows)}"


def _search(part: Part) -> str:
    rows = [
        [
            f"{row['services']:,}",
            *(f"{row[key]:.1f}" for key in ("median", "p95", "cpu_p95", "one_change")),
            *(f"{row[key]:.0f}" for key in ("index_megabytes", "process_megabytes")),
        ]
        for row in part["figures"]
    ]
    head = ["services", "p50 ms", "p95 ms", "CPU p95 ms", "after a change, ms", "index MB", "process MB"]
    lines = {
        "p95": ([row["services"] for row in part["figures"]], [row["p95"] for row in part["figures"]]),
        "p50": ([row["services"] for row in part["figures"]], [row["median"] for row in part["figures"]]),
    }
    _plot("performance-search.png", "services", "one search, ms", lines, logarithmic=True)
    return (
        "## Search\n\nAmong made-up services; see `bench/search.py`.\n\n"
        f"{_table(head, rows)}\n\n"
        "![Time of a search by the number of services](images/performance-search.png)"
    )


def _idle(part: Part) -> str:
    row = part["figures"]
    head = [
        "open sockets",
        "gateway before, MB",
        "with them, MB",
        "kB each",
        "share of a core",
        "/healthz ms",
    ]
    cells = [
        f"{row['sockets']:,}",
        f"{row['megabytes_before']:.0f}",
        f"{row['megabytes']:.0f}",
        f"{row['kilobytes_each']:.0f}",
        f"{100 * row['cpu_share']:.0f} %",
        f"{row['answered_ms']:.1f}",
    ]
    return f"## Idle chats\n\nOpen pages on which nothing happens.\n\n{_table(head, [cells])}"


def _fan_out(part: Part) -> str:
    row = part["figures"][0]
    cells = [row["chats"], row["turns"], f"{row['p50']:.1f}", f"{row['p95']:.1f}", f"{row['p99']:.1f}"]
    return "## An adviser's word to the screen\n\n" + _table(
        ["open chats", "words", "p50 ms", "p95 ms", "p99 ms"], [cells]
    )


def _soak(part: Part) -> str:
    figures = part["figures"]
    names = list(figures[0]["megabytes"])
    rows = [
        [
            row["minute"],
            f"{row['p50']:.1f}",
            f"{row['p95']:.1f}",
            row["errors"],
            *(f"{row['megabytes'][name]:.0f}" for name in names),
        ]
        for row in figures
    ]
    minutes = [row["minute"] for row in figures]
    lines = {name: (minutes, [row["megabytes"][name] for row in figures]) for name in names}
    _plot("performance-soak.png", "minute", "memory, MB", lines)
    head = ["minute", "p50 ms", "p95 ms", "errors", *(f"{name}, MB" for name in names)]
    return (
        f"## Soak\n\n{part['how']['people']} people who say something every 10 s, half of the most that"
        " goes.\n\n"
        f"{_table(head, rows)}\n\n![Memory of each process by the minute](images/performance-soak.png)"
    )


def _verdict(verdict: Part) -> str:
    return (
        f"{verdict['sent']} messages: **{verdict['lost']} lost, {verdict['doubled']} doubled,"
        f" {verdict['out_of_order']} chats out of order, {verdict['unanswered']} unanswered**;"
        f" {verdict['without_bot']} got the honest line in place of the bot's answer."
    )


def _machines(part: Part) -> str:
    verdict = part["figures"]
    rows = [
        [outcome["victim"], f"{outcome['recovery']:.1f}", outcome["refused"]]
        for outcome in verdict["outcomes"]
    ]
    return (
        "## Several machines\n\nTwo gateways, two bots, two action servers, PostgreSQL and Redis behind plain"
        " proxies. One after the other is\nkilled (SIGKILL; PostgreSQL at once and without goodbye) while"
        f" {verdict['chats']} people write without a pause.\n\n{_verdict(verdict)}\n\n"
        + _table(
            ["killed", "seconds until everybody's next message was taken", "tries refused meanwhile"], rows
        )
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _hosts(part: Part) -> str:
    verdict = part["figures"]
    rows = [
        [
            f"{outcome['victim']}, {'killed' if outcome['away'] is None else 'network cut'}",
            *(_seconds(outcome[key]) for key in ("away", "recovery", "returned")),
            "" if outcome["served"] is None else outcome["served"],
            outcome["refused"],
        ]
        for outcome in verdict["outcomes"]
    ]
    return (
        "## Separate hosts\n\nThe same on hosts of their own (network namespaces joined by a bridge): proxies"
        " and people in front; two\nhosts with a gateway, a bot and an action server each; one with"
        " PostgreSQL and Redis. Besides, a host's network\nis cut: nothing answers, no connection is refused."
        f" {verdict['chats']} people write without a pause.\n\n{_verdict(verdict)}\n\n"
        + _table(
            [
                "what",
                "seconds away",
                "seconds until everybody's next message was taken",
                "the same from its return",
                "people served meanwhile",
                "tries refused meanwhile",
            ],
            rows,
        )
    )


def _lines(rows: Sequence[Part], x: str, y: str) -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        xs, ys = found.setdefault(row["what"], ([], []))
        xs.append(row[x])
        ys.append(row[y])
    return found


def _plot(
    name: str,
    x: str,
    y: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    logarithmic: bool = False,
) -> None:
    import matplotlib  # a development tool: only the report needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=120)
    for style, (label, (xs, ys)) in zip(("o-", "s--", "^:", "D-."), lines.items(), strict=False):
        axes.plot(xs, ys, style, label=label)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / name)
    pyplot.close(figure)


_SECTIONS: dict[str, Callable[[Part], str]] = {
    "one chat": _turns(
        "A turn with an action, one chat",
        "Fresh chats of four questions. CPU: of all processes that took part. x: against stock Rasa.",
    ),
    "many chats": _many,
    "busy hour": _turns("A busy hour", "200 open chats, one message each 10 seconds, through the gateway."),
    "growth": _growth,
    "engine": _engine,
    "changes": _turns(
        "Each change to Rasa",
        "Chats of twenty turns. Alone, none (stock behaviour, our start) and all. CPU: of the Rasa\n"
        "process. The changes are described in [decision 9](decisions/0009-engine.md).",
    ),
    "start": _start,
    "search": _search,
    "fan-out": _fan_out,
    "idle sockets": _idle,
    "soak": _soak,
    "machines": _machines,
    "hosts": _hosts,
}
