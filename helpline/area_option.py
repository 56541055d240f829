"""The areas that a command can be told: those that the shipped content covers."""

from __future__ import annotations

import click

from knowledge.content_schema import Area

COVERED_AREA = click.Choice([Area.DERBY_CITY.value, Area.DERBYSHIRE.value, Area.HEREFORDSHIRE.value])
