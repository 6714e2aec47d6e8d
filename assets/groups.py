"""Asset groups, named so that the UI lists them in the order in which data flows."""

DOCUMENTS = "1_documents"
CHUNKS = "2_chunks"
CORPUS = "3_corpus"
RETRIEVAL = "4_retrieval"
RAFT = "5_raft"
TRAINING = "6_training"
EVALUATION = "7_evaluation"
