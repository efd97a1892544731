"""Layer-wise relevance propagation: the operations of a forward pass, recorded, and a rule for each."""
