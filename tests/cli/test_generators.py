"""Files that load generators write, and logs: by name, guessed, by a pattern; in the shapes that their manuals show."""

from __future__ import annotations

import json

import pytest
from outside import historian

from historian import Histogram
from historian.cli import main

K6_CSV = """\
metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,\
status,subproto,tls_version,url,extra_tags,metadata
http_reqs,1719000000,1.000000,,,,true,,GET,http://t/,HTTP/1.1,default,,200,,,http://t/,,
http_req_duration,1719000000,12.5,,,,true,,GET,http://t/,HTTP/1.1,default,,200,,,http://t/,,
http_req_blocked,1719000000,0.25,,,,true,,GET,http://t/,HTTP/1.1,default,,200,,,http://t/,,
http_req_duration,1719000001,25,,,,true,,GET,http://t/,HTTP/1.1,default,,500,,,http://t/,,
"""

K6_JSON = """\
{"type":"Metric","data":{"name":"http_reqs","type":"counter","contains":"default","thresholds":[],"submetrics":null},\
"metric":"http_reqs"}
{"metric":"http_reqs","type":"Point","data":{"time":"2026-06-21T10:00:00Z","value":1,"tags":{"status":"200"}}}
{"type":"Metric","data":{"name":"http_req_duration","type":"trend","contains":"time"},"metric":"http_req_duration"}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-06-21T10:00:00Z","value":12.5,"tags":{"status":"200"}}}
{"metric":"http_reqs","type":"Point","data":{"time":"2026-06-21T10:00:00Z","value":1,"tags":{"status":"500"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-06-21T10:00:01Z","value":25,"tags":{"status":"500"}}}
"""

JMETER = """\
timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,\
grpThreads,allThreads,URL,Latency,IdleTime,Connect
1719000000000,12,home,200,OK,Users 1-1,text,true,,9,5,1,1,http://t/,11,0,3
1719000000100,25,search,500,"Error, internal",Users 1-1,text,false,no,9,5,1,1,http://t/s,24,0,0
"""

JMETER_XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<testResults version="1.2">
<httpSample t="12" it="0" lt="11" ct="3" ts="1719000000000" s="true" lb="home" rc="200" rm="OK" tn="Users 1-1" by="9"/>
<sample t="25" it="0" lt="24" ct="0" ts="1719000000100" s="false" lb="search" rc="500" rm="a &lt; b" tn="Users 1-1">
  <httpSample t="20" lt="19" ts="1719000000100" s="true" lb="part" rc="200"/>
</sample>
</testResults>
"""

VEGETA = """\
1719000000000000000,200,12500000,9,0,,aGk=,rate,0,GET,http://t/,SGVhZGVy
1719000000100000000,500,25000000,9,0,500 Internal Server Error,aGk=,rate,1,GET,http://t/,SGVhZGVy
"""

VEGETA_JSON = """\
{"attack":"rate","seq":0,"code":200,"timestamp":"2026-06-21T10:00:00Z","latency":12500000,"bytes_out":0,"error":""}
{"attack":"rate","seq":1,"code":500,"timestamp":"2026-06-21T10:00:01Z","latency":25000000,"bytes_out":0,"error":"500"}
"""

HEY = """\
response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset
0.0125,0.0001,0.0000,0.0000,0.0120,0.0001,200,0.0000
0.0250,0.0000,0.0000,0.0000,0.0240,0.0001,500,0.0125
"""

OHA = """\
request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status
0.001,0.0001,0.0002,0.012,0.0125,9,200
0.002,0.0001,0.0002,0.024,0.025,9,500
"""

OHA_JSON = json.dumps({
    "summary": {"successRate": 1.0, "total": 1.0, "slowest": 0.03}, "latencyPercentiles": {"p50": 0.012},
    "responseTimeHistogram": {"0.0125": 1, "0.025": 1, "0.03": 0},
}, indent=2)  # fmt: skip

AB = """\
starttime\tseconds\tctime\tdtime\tttime\twait
Fri Jun 21 10:00:00 2026\t1719000000\t0\t12\t12\t11
Fri Jun 21 10:00:01 2026\t1719000001\t1\t24\t25\t24
"""

LOCUST = json.dumps([
    {"name": "/", "method": "GET", "num_requests": 1, "response_times": {"12": 1}, "num_failures": 0},
    {"name": "/s", "method": "PUT", "num_requests": 1, "response_times": {"25": 1}, "num_failures": 0},
], indent=4)  # fmt: skip

FIO_LOG = "0, 12500000, 0, 4096, 0\n1, 25000000, 1, 4096, 8192\n"

FIO_JSON = json.dumps({"fio version": "fio-3.33", "timestamp": 1, "jobs": [
    {"jobname": "a", "read": {"clat_ns": {"N": 1, "bins": {"12500000": 1}}}, "write": {"clat_ns": {"N": 0}}},
    {"jobname": "b", "read": {}, "write": {"clat_ns": {"N": 1, "bins": {"25000000": 1}}}},
]}, indent=2)  # fmt: skip

HYPERFINE = json.dumps({"results": [
    {"command": "sleep 1", "mean": 1, "times": [0.0125], "exit_codes": [0]},
    {"command": "sleep 2", "mean": 1, "times": [0.025], "exit_codes": [0]},
]}, indent=2)  # fmt: skip

PYTEST = json.dumps({"machine_info": {"node": "x"}, "commit_info": {}, "benchmarks": [
    {"name": "a", "stats": {"min": 1, "data": [0.0125]}}, {"name": "b", "stats": {"data": [0.025]}},
]}, indent=4)  # fmt: skip

PYPERF = json.dumps({"benchmarks": [
    {"metadata": {"name": "a"}, "runs": [{"values": [0.0125]}]},
    {"metadata": {"name": "b"}, "runs": [{"values": [0.025]}]},
], "metadata": {}, "version": "1.0"})  # fmt: skip

ASV = json.dumps({
    "commit_hash": "0a", "version": 2, "result_columns": ["result", "params", "stats_q_25", "samples"],
    "results": {"a": [[0.0125, 0.025], [["'x'", "'y'"]], [1, 1], [[0.0125], [0.025]]]},
})  # fmt: skip

GHZ = json.dumps({"date": "2026-06-21", "count": 2, "average": 1, "fastest": 1, "slowest": 2, "details": [
    {"timestamp": "t", "latency": 12500000, "error": "", "status": "OK"},
    {"timestamp": "t", "latency": 25000000, "error": "", "status": "Unavailable"},
]})  # fmt: skip

GHZ_CSV = "\nduration (ms),status,error\n12.50,OK,\n25.00,Unavailable,gone\n"

WRK2 = """\
Running 30s test @ http://127.0.0.1:80/index.html
  2 threads and 100 connections
  Thread calibration: mean lat.: 10087 usec, rate sampling interval: 22 msec
  Thread calibration: mean lat.: 10139 usec, rate sampling interval: 21 msec
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    18.75ms    6.25ms  25.00ms   68.46%
    Req/Sec     1.04k     1.08k    2.50k    72.79%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%   12.50ms
100.000%   25.00ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

      12.500     0.000000            1         1.00
      12.500     0.500000            1         2.00
      25.000     1.000000            2          inf
#[Mean    =       18.750, StdDeviation   =        6.250]
#[Max     =       25.000, Total count    =            2]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
  2 requests in 30.00s, 19.81MB read
Requests/sec:   2000.28
Transfer/sec:    676.18KB
"""

#: What --u_latency adds before the number of requests.
UNCORRECTED = """
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
100.000%    6.00ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       6.000     0.000000            3         1.00
       6.000     1.000000            3          inf
#[Mean    =        6.000, StdDeviation   =        0.000]
#[Max     =        6.000, Total count    =            3]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
"""

HGRM = WRK2[WRK2.index("       Value") : WRK2.index("-----")]

#: name of the generator: file, its contents, whether it is guessed, and the values in s
FILES = {
    "k6 csv": ("k6", "a.csv", K6_CSV, True, [0.0125, 0.025]),
    "k6 JSON": ("k6", "a.json", K6_JSON, True, [0.0125, 0.025]),
    "JMeter": ("jmeter", "a.jtl", JMETER, True, [0.012, 0.025]),
    "JMeter, semicolons": ("jmeter", "a.jtl", JMETER.replace("Error, ", "").replace(",", ";"), True, [0.012, 0.025]),
    "JMeter without names": ("jmeter", "a.jtl", JMETER.split("\n", 1)[1], False, [0.012, 0.025]),
    "JMeter XML": ("jmeter", "a.jtl", JMETER_XML, True, [0.012, 0.025]),
    "vegeta csv": ("vegeta", "a.csv", VEGETA, False, [0.0125, 0.025]),
    "vegeta JSON": ("vegeta", "a.json", VEGETA_JSON, True, [0.0125, 0.025]),
    "hey": ("hey", "a.csv", HEY, True, [0.0125, 0.025]),
    "oha csv": ("oha", "a.csv", OHA, True, [0.0125, 0.025]),
    "oha JSON": ("oha", "a.json", OHA_JSON, True, [0.0125, 0.025]),
    "ab": ("ab", "a.tsv", AB, True, [0.012, 0.025]),
    "locust": ("locust", "a.json", LOCUST, True, [0.012, 0.025]),
    "fio log": ("fio", "a_clat.1.log", FIO_LOG, False, [0.0125, 0.025]),
    "fio JSON": ("fio", "a.json", FIO_JSON, True, [0.0125, 0.025]),
    "hyperfine": ("hyperfine", "a.json", HYPERFINE, True, [0.0125, 0.025]),
    "pytest-benchmark": ("pytest-benchmark", "a.json", PYTEST, True, [0.0125, 0.025]),
    "pyperf": ("pyperf", "a.json", PYPERF, True, [0.0125, 0.025]),
    "asv": ("asv", "a.json", ASV, True, [0.0125, 0.025]),
    "ghz": ("ghz", "a.json", GHZ, True, [0.0125, 0.025]),
    "ghz csv": ("ghz", "a.csv", GHZ_CSV, True, [0.0125, 0.025]),
    "wrk2": ("wrk2", "a.txt", WRK2, True, [0.0125, 0.025]),
    "hgrm": ("wrk2", "a.hgrm", HGRM, None, [0.0125, 0.025]),
}


def merged(tmp_path, capsys, *words):
    """Return the merged histogram of ``historian merge``, in s, and what it said."""
    out = tmp_path / "out.hist"
    status = main(["merge", "-o", str(out), "--show", "s", *map(str, words)])
    said = capsys.readouterr().err
    assert status == 0, said
    return Histogram.from_bytes(out.read_bytes()), said


@pytest.mark.parametrize("kind", FILES)
def test_each_generator_by_its_name(tmp_path, capsys, kind):
    generator, name, text, _, values = FILES[kind]
    (tmp_path / name).write_text(text)
    h, _ = merged(tmp_path, capsys, tmp_path / name, "--from", generator)
    assert h.to_dict()["counts"] == [1, 1]
    assert (h.min, h.max) == pytest.approx((values[0], values[1]), rel=1e-12)


@pytest.mark.parametrize("kind", FILES)
def test_a_guess_says_what_it_is(tmp_path, capsys, kind):
    generator, name, text, is_guessed, _ = FILES[kind]
    path = tmp_path / name
    path.write_text(text)
    status = main(["summarize", str(path), "-p", "50"])
    shown = capsys.readouterr()
    if is_guessed is None:  # it says itself what it is
        assert status == 0 and "--from" not in shown.out + shown.err
    elif is_guessed:
        assert status == 0 and f"as --from {generator} does" in shown.out
        if generator == "k6":
            assert "http_req_duration, in ms" in shown.out
    else:
        assert status == 1 and "--from" not in shown.out + shown.err


@pytest.mark.parametrize("kind", FILES)
def test_another_generators_file_is_refused(tmp_path, capsys, kind):
    generator, name, text, *_ = FILES[kind]
    (tmp_path / name).write_text(text)
    other = "hey" if generator != "hey" else "ab"
    assert main(["summarize", "--from", other, str(tmp_path / name)]) == 1
    assert f"it is not what --from {other} reads: the " in capsys.readouterr().err


def table(capsys, *words):
    """Return the counts by the names of rows."""
    status = main(["summarize", "--format", "json", *map(str, words)])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    return {row["name"]: row["count"] for row in json.loads(shown.out)["rows"]}


@pytest.mark.parametrize(("kind", "options", "expected"), [
    ("k6 csv", "--by status", {"200": 1, "500": 1}),
    ("k6 csv", "--where metric_name=http_req_blocked", {"FILE": 1}),
    ("k6 csv", "--by metric_name", {"http_reqs": 1, "http_req_duration": 2, "http_req_blocked": 1}),
    ("k6 JSON", "--by data.tags.status", {"200": 1, "500": 1}),
    ("k6 JSON", "--where metric=http_reqs", {"FILE": 2}),
    ("k6 JSON", "--by metric", {"http_reqs": 2, "http_req_duration": 2}),
    ("JMeter", "--where success=true", {"FILE": 1}),
    ("JMeter XML", "--where success=true --by label", {"home": 1}),
    ("JMeter XML", "--by responseCode", {"200": 1, "500": 1}),
    ("fio JSON", "--by direction", {"read": 1, "write": 1}),
    ("fio JSON", "--by jobname", {"a": 1, "b": 1}),
    ("locust", "--by name", {"/": 1, "/s": 1}),
    ("locust", "--where method=PUT", {"FILE": 1}),
    ("hyperfine", "--by results.command", {"sleep 1": 1, "sleep 2": 1}),
    ("pytest-benchmark", "--by name", {"a": 1, "b": 1}),
    ("pytest-benchmark", "", {"a": 1, "b": 1}),
    ("pyperf", "--by name", {"a": 1, "b": 1}),
    ("asv", "--by param1", {"x": 1, "y": 1}),
    ("asv", "--where param1=x", {"a{param1=x}": 1}),
    ("ghz", "--where details.status=OK", {"FILE": 1}),
    ("ghz csv", "--by status", {"OK": 1, "Unavailable": 1}),
])  # fmt: skip
def test_rows_are_chosen_and_grouped(tmp_path, capsys, kind, options, expected):
    generator, name, text, *_ = FILES[kind]
    (tmp_path / name).write_text(text)
    found = table(capsys, "--from", generator, *options.split(), tmp_path / name)
    found = {name: count for name, count in found.items() if name != "total"}
    assert found == {key if key != "FILE" else str(tmp_path / name): count for key, count in expected.items()}


@pytest.mark.parametrize(("kind", "key"), [("fio JSON", "direction"), ("hyperfine", "results.command")])
def test_what_is_counted_together_is_said(tmp_path, capsys, kind, key):
    generator, name, text, *_ = FILES[kind]
    (tmp_path / name).write_text(text)
    for options, is_said in [([], True), (["--by", key], False)]:
        assert main(["summarize", str(tmp_path / name), "--from", generator, "-p", "50", *options]) == 0
        assert (f"several are counted together: --by {key} takes each" in capsys.readouterr().out) == is_said


def test_how_far_the_bins_of_oha_are_apart_is_said(tmp_path, capsys):
    (tmp_path / "a.json").write_text(OHA_JSON)
    assert main(["summarize", str(tmp_path / "a.json"), "-p", "50"]) == 0
    assert "counts of oha's bins, which are up to 100 % apart: percentiles are rough" in capsys.readouterr().out


def test_the_tables_of_wrk2(tmp_path, capsys):
    """Delayed starts count, unless the other table is asked for; both, only by name."""
    at = WRK2.index("-----")
    at = WRK2.index("\n", at) + 1
    path = tmp_path / "a.txt"
    path.write_text(WRK2[:at] + UNCORRECTED + WRK2[at:])
    assert list(table(capsys, path).values()) == [2]
    assert table(capsys, path, "--from", "wrk2", "--by", "latency") == {"recorded": 2, "uncorrected": 3}
    assert list(table(capsys, path, "--from", "wrk2", "--where", "latency=uncorrected").values()) == [3]
    assert main(["summarize", str(path), "-p", "50"]) == 0
    assert "leaves out the uncorrected latency; --by latency shows both" in capsys.readouterr().out
    path.write_text("$ wrk -R2000 -L http://127.0.0.1/\n" + WRK2 * 2)
    h, said = merged(tmp_path, capsys, path)
    assert (h.count, said) == (4, "")


def test_wrk2_without_its_table(tmp_path, capsys):
    (tmp_path / "a.txt").write_text(WRK2[: WRK2.index("  Latency Distribution")])
    assert main(["summarize", str(tmp_path / "a.txt")]) == 1
    assert "it has no 'Detailed Percentile spectrum': run wrk2 with --latency" in capsys.readouterr().err


def test_a_percentile_table_says_how_rough_it_is(tmp_path, capsys):
    (tmp_path / "a.txt").write_text(WRK2)
    (tmp_path / "a.hgrm").write_text(HGRM)
    for name in ("a.txt", "a.hgrm"):
        assert main(["summarize", str(tmp_path / name), "-p", "50"]) == 0
        assert "between two rows of its table count as the upper row: at most 0.65 % off" in capsys.readouterr().out


def test_a_metric_that_is_not_there_is_suggested(tmp_path, capsys):
    (tmp_path / "a.json").write_text(K6_JSON * 3)
    assert main(["summarize", "--from", "k6", "--where", "metric=http_req_duratio", str(tmp_path / "a.json")]) == 1
    assert "did you mean 'http_req_duration'?" in capsys.readouterr().err


def test_lines_that_are_left_out_are_not_lost(tmp_path, capsys):
    """Lines are left out without parsing only if no escape can hide a text; a torn one is reported."""
    escaped = K6_JSON.splitlines()[3].replace("http_req_duration", "http_req_d\\u0075ration")
    (tmp_path / "a.json").write_text(K6_JSON + escaped + "\n")
    assert list(table(capsys, "--from", "k6", tmp_path / "a.json").values()) == [3]
    (tmp_path / "a.json").write_text(K6_JSON + '{"metric":"http_reqs","type":"Po\n')
    assert main(["summarize", "--from", "k6", str(tmp_path / "a.json")]) == 1
    assert "a.json:7: " in capsys.readouterr().err


def test_units_of_several_files(tmp_path, capsys):
    (tmp_path / "k6.json").write_text(K6_JSON)
    (tmp_path / "hey.csv").write_text(HEY)
    (tmp_path / "plain.txt").write_text("1\n")
    files = {name: str(tmp_path / name) for name in ("k6.json", "hey.csv", "plain.txt")}
    for pair in (("k6.json", "hey.csv"), ("hey.csv", "k6.json"), ("k6.json", "plain.txt"), ("plain.txt", "k6.json")):
        assert main(["summarize", *map(files.get, pair)]) == 1
        assert "read them apart, or pass --unit" in capsys.readouterr().err
    assert main(["summarize", "--unit", "ms", files["k6.json"], files["plain.txt"]]) == 0


@pytest.mark.parametrize("damage", ["{}", '{"responseTimeHistogram": {}}', '{"responseTimeHistogram": {"x": 1}}',
                                    '{"responseTimeHistogram": {"0.1": -1}}', '{"responseTimeHistogram": {"0.1": 1.5}}',
                                    '{"responseTimeHistogram": {"-1": 1}}', '{"responseTimeHistogram": 3}',
                                    '{"responseTimeHistogram": {"nan": 1}}', '{"responseTimeHistogram": {"0.1": true}}',
                                    '{"responseTimeHistogram": '])  # fmt: skip
def test_damaged_counts_are_refused(tmp_path, capsys, damage):
    (tmp_path / "a.json").write_text(damage)
    assert main(["summarize", "--from", "oha", str(tmp_path / "a.json")]) == 1
    assert capsys.readouterr().out == ""


def test_damaged_xml_is_refused(tmp_path, capsys):
    bomb = '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><testResults>&b;</testResults>'
    for text, why in [(JMETER_XML[:-20], "not XML"), (JMETER_XML.replace(' t="25"', ""), "no attribute t"),
                      (JMETER_XML.replace('"25"', '"x"'), "'x' is not a number")]:  # fmt: skip
        (tmp_path / "a.jtl").write_text(text)
        assert main(["summarize", "--from", "jmeter", str(tmp_path / "a.jtl")]) == 1
        assert why in capsys.readouterr().err
    (tmp_path / "a.jtl").write_text(bomb.replace("<!DOCTYPE", "<testResults/><!DOCTYPE"))
    assert main(["summarize", "--from", "jmeter", str(tmp_path / "a.jtl")]) == 1
    capsys.readouterr()


# ---- logs ----

NGINX = """\
10.0.0.1 - - [21/Jun/2026:10:00:00 +0000] "GET /users HTTP/1.1" 200 612 "-" "curl" rt=0.0125
10.0.0.1 - - [21/Jun/2026:10:00:01 +0000] "GET /carts HTTP/1.1" 500 612 "-" "curl" rt=0.025
2026/06/21 10:00:01 [notice] 1#1: signal process started
10.0.0.1 - - [21/Jun/2026:10:00:02 +0000] "GET /users HTTP/1.1" 200 612 "-" "curl" rt=-
"""


def test_a_log_by_a_pattern(tmp_path, capsys):
    (tmp_path / "access.log").write_text(NGINX)
    pattern = r'"(?P<method>\w+) (?P<by>\S+) .*" (?P<status>\d+) .* rt=(?P<value>[0-9.]+)'
    assert table(capsys, "--pattern", pattern, tmp_path / "access.log") == {"/users": 1, "/carts": 1}
    assert table(capsys, "--pattern", pattern, "--by", "status", "--where", "method=GET", tmp_path / "access.log") == {
        "200": 1, "500": 1,
    }  # fmt: skip
    assert main(["summarize", "--pattern", pattern, str(tmp_path / "access.log")]) == 0
    assert "the pattern does not match 2 of 4 lines" in capsys.readouterr().out


@pytest.mark.parametrize(("line", "seconds"), [("took 12ms", 0.012), ("took 1.5 s", 1.5), ("took 250us", 0.00025),
                                               ("took 7", 7.0)])  # fmt: skip
def test_a_unit_in_each_line(tmp_path, capsys, line, seconds):
    (tmp_path / "a.log").write_text(line + "\n")
    h, _ = merged(tmp_path, capsys, "--pattern", r"took (?P<value>[\d.]+) ?(?P<unit>[a-z]+)?", tmp_path / "a.log")
    assert (h.count, h.sum) == (1, seconds)


def test_bad_patterns(tmp_path, capsys):
    for pattern, why in [("(", "not a regular expression"), ("a", "it needs a group (?P<value>...)")]:
        status, _, err = historian("summarize", "--pattern", pattern)
        assert status == 2 and why in err
    (tmp_path / "a.log").write_text(NGINX)
    assert main(["summarize", "--pattern", "(?P<value>xyz)", str(tmp_path / "a.log")]) == 1
    assert "no line matches the pattern '(?P<value>xyz)'" in capsys.readouterr().err


# ---- numbers as people and programs write them ----


@pytest.mark.parametrize(("text", "seconds"), [("12.5ms", 0.0125), ("1m2s", 62.0), ("1h", 3600.0), ("100\u00b5s", 1e-4),
                                               ("PT0.5S", 0.5), ("PT1M", 60.0), ("P1DT1S", 86401.0),
                                               ("2m3.5s", 123.5), ("3ns", 3e-9)])  # fmt: skip
def test_durations_with_their_units(tmp_path, capsys, text, seconds):
    for name, contents, options in [("a.txt", text, []), ("a.csv", f"t\n{text}\n", ["--column", "t"]),
                                    ("a.json", json.dumps({"t": text}), ["--field", "t"])]:  # fmt: skip
        (tmp_path / name).write_text(contents, encoding="utf-8")
        h, _ = merged(tmp_path, capsys, tmp_path / name, *options)
        assert h.sum == seconds
        assert h.unit == "s"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert merged(tmp_path, capsys, "--unit", "ms", tmp_path / "a.txt")[0].sum == pytest.approx(seconds, rel=1e-15)
    assert main(["summarize", "--unit", "bytes", str(tmp_path / "a.txt")]) == 1
    assert "is a time, but the numbers are in 'bytes'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["ms", "1.2.3s", "12 parsecs", "P", "PT", "PTS", "1y", "-3ms"])
def test_what_is_no_duration(tmp_path, capsys, text):
    (tmp_path / "a.csv").write_text(f"t\n{text}\n")
    assert main(["summarize", "--column", "t", str(tmp_path / "a.csv")]) == 1
    assert "is not a number" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["12,5", "1.234,5"])
def test_decimal_commas_are_refused_with_a_hint(tmp_path, capsys, number):
    for text, options in [
        (f"t;n\n{number};a\n", ["--column", "t"]), (number, []), (json.dumps({"t": number}), ["--field", "t"]),
        (f"took {number} s\n", ["--pattern", r"took (?P<value>\S+)"]),
    ]:  # fmt: skip
        (tmp_path / "a").write_text(text)
        assert main(["summarize", *options, str(tmp_path / "a")]) == 1
        assert f"'{number}' is not a number: write a point before its decimals, not a comma" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("kind", ["k6 csv", "k6 JSON", "JMeter XML", "locust"])
def test_other_encodings(tmp_path, capsys, encoding, kind):
    generator, name, text, _, values = FILES[kind]
    text = text.replace(' encoding="UTF-8"', "")
    data = text.encode(encoding)
    (tmp_path / name).write_bytes(b"\xfe\xff" + data if encoding == "utf-16-be" else data)
    h, _ = merged(tmp_path, capsys, tmp_path / name, "--from", generator)
    assert h.count == 2 and h.max == pytest.approx(values[1], rel=1e-12)


def test_torn_utf_16(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes("1\n2\n".encode("utf-16")[:-1])
    assert main(["summarize", str(tmp_path / "a.txt")]) == 1
    assert "not UTF-16 text" in capsys.readouterr().err


def test_arrays_in_a_path(tmp_path, capsys):
    (tmp_path / "a.json").write_text(PYTEST)
    for field in ("benchmarks[].stats.data[]", "benchmarks.stats.data"):
        assert list(table(capsys, "--field", field, tmp_path / "a.json").values()) == [2]


@pytest.mark.parametrize("options", [["--column", "a"], ["--field", "a"], ["--no-header"]])
def test_options_that_contradict_a_generator(options):
    for other in (["--from", "k6"], ["--pattern", "(?P<value>a)"]):
        status, _, err = historian("summarize", *other, *options)
        assert status == 2 and f"{other[0]} tells where the numbers are: omit {options[0]}" in err


def test_an_unknown_generator():
    status, _, err = historian("summarize", "--from", "k7")
    assert status == 2 and "there is no 'k7'; there are ab, asv, fio," in err
    assert "did you mean 'k6'?" in err
