"""How much may the pods of each project hold?"""
