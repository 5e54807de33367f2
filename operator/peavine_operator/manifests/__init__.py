"""One module for each kind of Kubernetes object: functions from a manifest to plain data.

Pure and deterministic: no client, no clock, no settings but what is passed. Rendering twice gives equal bytes.
"""
