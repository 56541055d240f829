"""What runs inside the Rasa process: our NLU components."""
