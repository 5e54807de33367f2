"""Reconciles Flow and Pod resources. An application: import it from nowhere but its own tests."""
