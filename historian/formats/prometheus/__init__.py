"""Recorders as metrics of Prometheus: native histograms, and classic ones for scrapers that know no others.

historian's buckets are those of Prometheus' native histograms at schema 6, so counts and sums arrive without loss.
``histogram_quantile`` answers from the right bucket, so at most 1.1 % off, and usually much less, because it
interpolates.  Minimum and maximum have no place there.

`Collector` turns the recorders of a registry into metrics, for the registry of prometheus_client, and for the scrape
applications in `historian.web.wsgi` and `historian.web.asgi`.  Native histograms need the applications, because
prometheus_client writes text only.

Names.  The name of a recorder gets its unit as a suffix, unless it ends in it:

==============================  ===============================
unit                            the recorder ``lookup`` becomes
==============================  ===============================
``s``                           ``lookup_seconds``
``ms``, and so ``us``, ``ns``   ``lookup_milliseconds``
``bytes``                       ``lookup_bytes``
``1``                           ``lookup``
any other, such as ``rows``     ``lookup_rows``
==============================  ===============================

Values stay in the unit in which they were recorded: conversion would move counts to other buckets.  Record in seconds
if dashboards expect them.  Names of metrics and labels have letters, digits and ``_``, and begin with no digit.
Everything else raises ValueError, and the message suggests a name.  Also refused are labels that begin with ``__``, the
label ``le``, two recorders that would be the same series, and two names that would be the same metric.

Classic buckets.  Scrapers that do not offer protobuf get these: powers of 2, which are edges of historian's buckets, so
that counts are exact.  For times they reach from 1 us to 256 s, each twice the one before from 0.24 ms to 16 s, each
four times outside.  That is 23 buckets, for look-ups in memory as for slow requests.  For ``bytes`` they go from 64 B
to 1 TiB by factors of 4, for other units from 1 to 2^40 by factors of 4.  They never depend on the values: if a bucket
came or went between two scrapes, ``rate`` would be wrong.  `Collector` takes others.  A quantile of classic buckets is
somewhere in the right bucket: at most 100 % off where bounds double, 300 % where each is four times the one before.

`Collector` needs prometheus_client: the extra ``prometheus``.

`from_text` reads what a service shows to Prometheus as text, its classic histograms, and says how far off they are.
"""

from ._collector import Collector
from ._scraped import Scraped, from_text

__all__ = ["Collector", "Scraped", "from_text"]
