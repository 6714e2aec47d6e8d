"""Settings of Azure OpenAI fine-tuning."""
