"""What a client accepts: the headers Accept and Accept-Encoding of RFC 9110.

Clients send what they like.  A part of a header that is not valid is ignored.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...formats.prometheus._exposition import OPENMETRICS, PROTOBUF, TEXT, Format

__all__ = ["accepts_gzip", "chosen_format"]

LONGEST = 4096  # characters of a header that are read
ESCAPINGS = ("allow-utf-8", "underscores", "dots", "values")  # for characters in names that not every scraper takes


class Offer(NamedTuple):
    """A part of a header: what is accepted, and how much, from 0 to 1."""

    name: str
    parameters: dict[str, str]
    quality: float


def chosen_format(accept: str) -> Format:
    """Return the format that a scraper likes best, of those that there are: text, if it accepts none of them.

    Of several that it likes equally, the one that it names first.

    >>> chosen_format("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3").content_type
    'application/openmetrics-text; version=1.0.0; charset=utf-8'
    """
    best, quality = Format(TEXT), 0.0
    for offer in _offers(accept):
        found = _format_of(offer) if offer.quality > quality else None
        if found is not None:
            best, quality = found, offer.quality
    return best


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the answer may be compressed by gzip.

    >>> accepts_gzip("deflate, gzip;q=0.5"), accepts_gzip("gzip;q=0"), accepts_gzip("*")
    (True, False, True)
    """
    offers = {offer.name: offer.quality for offer in _offers(accept_encoding)}
    return offers.get("gzip", offers.get("x-gzip", offers.get("*", 0.0))) > 0


def _format_of(offer: Offer) -> Format | None:
    """Return the format for an offer; None if there is none."""
    parameters = offer.parameters
    version, escaping = parameters.get("version", ""), parameters.get("escaping", "")
    escaping = escaping if escaping in ESCAPINGS else ""
    if offer.name == "application/vnd.google.protobuf":
        is_known = parameters.get("proto") == "io.prometheus.client.MetricFamily"
        return Format(PROTOBUF, escaping) if is_known and parameters.get("encoding") == "delimited" else None
    if offer.name == "application/openmetrics-text":
        return Format(OPENMETRICS, escaping) if version in ("", "1.0.0") else None
    if offer.name == "text/plain":
        if version == "1.0.0":
            return Format(TEXT.replace("0.0.4", "1.0.0"), escaping)
        return Format(TEXT) if version in ("", "0.0.4") else None
    return Format(TEXT) if offer.name in ("*/*", "text/*") else None


def _offers(header: str) -> list[Offer]:
    found = []
    for part in header[:LONGEST].split(","):
        name, *pairs = (text.strip() for text in part.split(";"))
        parameters = {}
        for pair in pairs:
            key, _, value = pair.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        quality = _quality(parameters.pop("q", "1"))
        if name and quality is not None:
            found.append(Offer(name.lower(), parameters, quality))
    return found


def _quality(text: str) -> float | None:
    """Return a number from 0 to 1; None for others."""
    try:
        found = float(text) if len(text) <= 8 else math.nan
    except ValueError:
        return None
    return found if 0 <= found <= 1 else None
