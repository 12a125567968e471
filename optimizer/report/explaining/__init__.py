"""An explanation for those who are asked why: words, rules, sentences and sections."""
