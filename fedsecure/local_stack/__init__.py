"""A real Kafka and a real Redis on this machine, without Docker: what the demo and the tests run on."""

from fedsecure.local_stack.stack import LocalStack
from fedsecure.local_stack.state_folder import default_state_dir
from fedsecure.local_stack.status import Endpoints, ServerStatus, StackStatus

__all__ = ["Endpoints", "LocalStack", "ServerStatus", "StackStatus", "default_state_dir"]
