import json
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples/02-docs"


def test_the_documentation_answers_questions_about_itself() -> None:
    command = [sys.executable, str(EXAMPLE / "search.py"), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    wrong = [(result["question"], result["page"]) for result in found["results"] if not result["right"]]
    assert found["questions"] == 20
    assert found["right"] >= 16, wrong


def test_every_question_has_a_page() -> None:
    questions = [json.loads(line) for line in (EXAMPLE / "questions.jsonl").read_text().splitlines()]
    assert [question["page"] for question in questions if not (EXAMPLE.parents[1] / question["page"]).is_file()] == []
