"""What a person or a program asks of a workspace, each with a typed result."""
