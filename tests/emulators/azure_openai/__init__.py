"""An Azure OpenAI emulator: a real HTTP server whose answers come from the prompts' own text. Not a real model."""
