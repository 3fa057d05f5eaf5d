from pathlib import Path

from tasks import bytes_of

TEMPLATES = Path(__file__).resolve().parents[1] / "report"


def run(job, progress):
    found = {path.name: path.read_text() for path in sorted(TEMPLATES.iterdir())}
    bytes_of.write(job, "report.html", found, (job.input("Measure") / "measurement.json").read_bytes(),
                   {name: job.settings[name] for name in ("validate", "report")})
    return {"templates": sorted(found)}
