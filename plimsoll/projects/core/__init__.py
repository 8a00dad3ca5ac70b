"""What is made of an answer: values in, texts out."""
