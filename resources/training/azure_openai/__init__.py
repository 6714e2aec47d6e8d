"""Training on Azure OpenAI, and serving what was trained there from deployments of the same resource."""
