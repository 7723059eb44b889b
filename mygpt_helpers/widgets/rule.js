// The arithmetic of mygpt_helpers/sampling.py, in transformers' order: repetition penalty,
// temperature, top-k, top-p, min-p.

const NEUTRAL = { temperature: 1, top_k: null, top_p: null, min_p: null, repetition_penalty: null };
// Python works in float32. Rounding where it rounds puts the cuts where it puts them.
const f32 = Math.fround;

/** The built-in rule on logits sorted with the largest first; the shown rows are the first ones. */
function makeRule(sorted, used, numRows) {
  const V = sorted.length;
  const isUsed = new Uint8Array(V);
  for (const rank of used) isUsed[rank] = 1;
  const values = new Float32Array(V); // logits after the penalty, sorted
  const weights = new Float64Array(V); // exp(logit / temperature - the largest such), sorted too
  const places = new Uint32Array(numRows); // row -> its place among them
  let finite; // how many are not -infinity
  let whole; // the sum of all weights
  let penalty, temperature; // what all these were computed for

  /** Divide or multiply the used logits and merge them back into the others: no second sort. */
  function penalize(newPenalty) {
    penalty = newPenalty;
    const p = f32(penalty ?? 1);
    const moved = Array.from(used, (rank) => {
      const logit = sorted[rank];
      return { rank, value: f32(logit < 0 ? logit * p : logit / p) };
    });
    moved.sort((a, b) => b.value - a.value || a.rank - b.rank);
    moved.push({ value: NaN }); // never larger
    for (let place = 0, rank = 0, next = 0; place < V; place++) {
      while (isUsed[rank]) rank++;
      const { rank: from, value } = moved[next];
      const isTie = value === sorted[rank] && from < rank;
      const isMoved = rank === V || value > sorted[rank] || isTie;
      values[place] = isMoved ? value : sorted[rank];
      const row = isMoved ? from : rank;
      if (row < numRows) places[row] = place;
      if (isMoved) next++;
      else rank++;
    }
  }

  function heat(newTemperature) {
    temperature = newTemperature;
    const t = f32(temperature);
    const largest = f32(values[0] / t);
    for (finite = 0; finite < V && values[finite] > -Infinity; finite++)
      weights[finite] = Math.exp(f32(values[finite] / t) - largest);
    weights.fill(0, finite);
    whole = sum(finite);
  }

  function sum(count) {
    let total = 0;
    for (let i = count - 1; i >= 0; i--) total += weights[i]; // small ones first, for accuracy
    return total;
  }

  return function probabilities(knobs) {
    const { top_k, top_p, min_p } = knobs;
    const changed = knobs.repetition_penalty !== penalty;
    if (changed) penalize(knobs.repetition_penalty);
    if (changed || knobs.temperature !== temperature) heat(knobs.temperature);
    let kept = finite; // sorted logits make every cut a length: the first `kept` stay
    if (top_k !== null && top_k < kept) {
      const scaled = (i) => f32(values[i] / f32(temperature));
      const edge = scaled(top_k - 1);
      for (kept = top_k; kept < finite && scaled(kept) >= edge; ) kept++; // ties stay
    }
    if (top_p !== null && top_p < 1) {
      const total = sum(kept);
      const allowed = f32(1 - top_p);
      for (let tail = 0; kept > 1; kept--) {
        tail += f32(weights[kept - 1] / total);
        if (f32(tail) > allowed) break;
      }
    }
    if (min_p !== null && min_p > 0) {
      const total = sum(kept);
      const least = f32(f32(min_p) * f32(1 / total));
      while (kept > 1 && f32(weights[kept - 1] / total) < least) kept--;
    }
    const total = sum(kept);
    let logs = 0; // the mean of the log weights under the final distribution
    for (let i = kept - 1; i > 0; i--)
      if (weights[i] > 0) logs += (weights[i] / total) * Math.log(weights[i]);
    let ties = 0; // how many share the edge of top-k, where that makes it keep more than k
    if (top_k !== null && kept > top_k) {
      const edge = f32(weights[kept - 1] / total);
      while (ties < kept && f32(weights[kept - 1 - ties] / total) === edge) ties++;
    }
    const after = Array.from(places, (place) => (place < kept ? weights[place] / total : 0));
    return {
      after,
      cut: Array.from(places, (place) => place >= kept),
      num_kept: kept,
      kept_mass: total / whole,
      ties,
      rest_mass: missing(after),
      largest: 1 / total,
      entropy: Math.log(total) - logs,
    };
  };
}

