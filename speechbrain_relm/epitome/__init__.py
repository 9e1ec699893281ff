"""Empathy as EPITOME measures it: annotations, training, figures."""
