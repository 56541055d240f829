"""``helpline train``: train the dialogue model if its files changed."""

from __future__ import annotations

import click

from helpline.cli import fail
from helpline.settings import Settings
from helpline.training import MODEL, TrainingFailed, is_current
from helpline.training import train as train_model


@click.command()
@click.option("--force", is_flag=True, help="Train even if the model matches the files.")
def train(force: bool) -> None:
    """Train the dialogue model."""
    if is_current() and not force:
        click.echo(f"{MODEL.name} matches its training files: nothing to do.")
        return
    log = Settings().data_dir / "log" / "train.log"
    click.echo("Training the assistant: one to two minutes ...")
    try:
        train_model(log)
    except TrainingFailed as error:
        fail(str(error))
    click.echo(f"Trained: {MODEL}")
