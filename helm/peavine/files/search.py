"""Make a tiny Flow, search it and delete it: what `helm test` runs in the cluster."""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from peavine import Client, Document

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAMESPACE = os.environ["TEST_NAMESPACE"]
NAME = os.environ["TEST_FLOW"]
FLOWS = f"/apis/peavine.dev/v1alpha1/namespaces/{NAMESPACE}/flows"
FLOW = {
    "apiVersion": "peavine.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": NAME},
    "spec": {"pods": [{"name": "index", "uses": "_index"}]},
}


def ask(method, path, body=None):
    """Return the API server's answer to a request."""
    host = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": "application/json"}
    request = urllib.request.Request(host + path, body and json.dumps(body).encode(), headers, method=method)
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        return json.load(answer)


def wait_ready(seconds):
    """Wait until the Flow is Ready, and return how long that took."""
    began, ready = time.monotonic(), {}
    while time.monotonic() < began + seconds:
        status = ask("GET", f"{FLOWS}/{NAME}").get("status", {})
        ready = {found["type"]: found for found in status.get("conditions", [])}.get("Ready", {})
        if ready.get("status") == "True":
            return time.monotonic() - began
        time.sleep(0.5)
    sys.exit(f"Flow {NAME} was not Ready in {seconds} s: {ready.get('reason')}: {ready.get('message')}")


def remove():
    try:
        ask("DELETE", f"{FLOWS}/{NAME}")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise


remove()
ask("POST", FLOWS, FLOW)
try:
    print(f"Ready after {wait_ready(90):.1f} s")
    client = Client(f"{NAME}-gateway.{NAMESPACE}.svc:8081")
    client.index([Document(id=str(n), embedding=[float(n), 1.0, 0.0]) for n in range(10)], progress=False)
    found = client.search([Document(embedding=[7.0, 1.0, 0.0])], top_k=1, progress=False)
    if [match.id for match in found[0].matches] != ["7"]:
        sys.exit(f"a wrong answer: {found[0].matches}")
    print("indexed 10 Documents and found the right one")
finally:
    remove()
