"""Search the project's own documentation: `python search.py "how do I ..."`, or without a question all twenty.

Each line of questions.jsonl is a question and the page that answers it.
"""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from peavine import Document, Flow

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIRST = 3


def pages():
    """Return a Document for each page; its id is its place in the project."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [Document(id=str(path.relative_to(ROOT)), text=path.read_text()) for path in found if path.exists()]


@click.command()
@click.argument("question", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(question, as_json):
    """Index the documentation, and answer a question, or the twenty in questions.jsonl."""
    asked = [json.loads(line) for line in (HERE / "questions.jsonl").read_text().splitlines()]
    if question:
        asked = [{"question": question, "page": None}]
    with Flow.load(HERE / "flow.yaml") as flow:
        flow.index(pages(), progress=False if as_json else None)
        queries = [Document(text=item["question"]) for item in asked]
        answers = flow.search(queries, top_k=FIRST, progress=False)
    results = []
    for item, answer in zip(asked, answers, strict=True):
        found = [{"page": match.id, "sentence": match.chunks[0].text} for match in answer.matches]
        right = item["page"] in [match.id for match in answer.matches]
        results.append({**item, "found": found, "right": right})
    if as_json:
        print(
            json.dumps(
                {"questions": len(results), "right": sum(result["right"] for result in results), "results": results}
            )
        )
    else:
        show(results, scored=question is None)


def show(results, scored):
    """Print the pages that were found, and how many questions were answered."""
    table = Table("", "question", "pages found, best first", show_lines=True)
    for result in results:
        found = "\n".join(
            f"[bold]{match['page']}[/bold] {escape(match['sentence'][:100])}" for match in result["found"]
        )
        mark = ("[green]right[/green]" if result["right"] else f"[red]wanted {result['page']}[/red]") if scored else ""
        table.add_row(mark, escape(result["question"]), found)
    console = Console()
    console.print(table)
    if scored:
        console.print(
            f"{sum(result['right'] for result in results)} of {len(results)}: the right page is among {FIRST}"
        )


if __name__ == "__main__":
    main()
