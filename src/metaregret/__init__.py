"""metaregret: the theory of unsupervised meta-reinforcement learning on tabular problems, exactly."""
