# A short run of Python: its start, a few modules, containers, strings.
import collections, json, re, sys

words = re.findall(r"\w+", "the quick brown fox jumps over the lazy dog " * 200)
counts = collections.Counter(words)
text = json.dumps({word: [count, word[::-1]] for word, count in sorted(counts.items())})
total = sum(value * value % 7 for value in range(20000))
print(sys.version_info[:2], len(text), total, json.loads(text)["fox"])
