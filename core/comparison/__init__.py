"""What is compared: arms, prompts, the one pipeline, stored runs."""
