"""What the live graph sends to its page: values that are JSON, and cheap to make."""
