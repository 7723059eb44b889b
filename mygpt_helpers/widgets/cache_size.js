// What the pictures of the key-value cache share: sizes in words.

/** A number of bytes in words, as size_text in cache_calculator.py says it. */
function sizeText(count) {
  if (count < 1000) return `${count} byte${count === 1 ? "" : "s"}`;
  const power = [1, 2, 3].find((p) => count < 1000 ** (p + 1)) ?? 4;
  const value = Math.floor((10 * count) / 1000 ** power + 0.5) / 10;
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${value.toLocaleString("en-US", digits)} ${"kMGT"[power - 1]}B`;
}

const plural = (n, thing) => `${commas(n)} ${thing}${n === 1 ? "" : "s"}`;
