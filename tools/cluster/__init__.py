"""A real Kubernetes on this machine, built from Go modules: plain processes, no docker and no virtual machine."""
