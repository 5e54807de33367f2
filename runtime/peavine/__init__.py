"""Neural search as a Kubernetes resource. Public names are loaded when they are first used."""
