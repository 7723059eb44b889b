// The arithmetic of mygpt_helpers/sampling.py, in transformers' order: repetition penalty,
// temperature, top-k, top-p, min-p.

const NEUTRAL = { temperature: 1, top_k: null, top_p: null, min_p: null, repetition_penalty: null };
// Python works in float32. Rounding where it rounds puts the cuts where it puts them.
const f32 = Math.fround;

/** Sorted logits at a temperature: their weights are exp(logit / temperature - the largest such). */
function heat(values, temperature, weights) {
  const t = f32(temperature);
  const scaled = (i) => f32(values[i] / t);
  const largest = scaled(0);
  let finite = 0; // how many are not -infinity
  for (; finite < values.length && values[finite] > -Infinity; finite++)
    weights[finite] = Math.exp(scaled(finite) - largest);
  weights.fill(0, finite);
  return { weights, scaled, finite };
}

function sumOf(weights, count) {
  let total = 0;
  for (let i = count - 1; i >= 0; i--) total += weights[i]; // small ones first, for accuracy
  return total;
}

// How many of the first `kept` tokens each rule keeps: sorted logits make every cut a length.
const CUTS = {
  top_k({ scaled }, kept, k) {
    if (k >= kept) return kept;
    const edge = scaled(k - 1);
    let count = k;
    while (count < kept && scaled(count) >= edge) count++; // ties stay
    return count;
  },
  top_p({ weights }, kept, p) {
    if (p >= 1) return kept;
    const total = sumOf(weights, kept);
    const allowed = f32(1 - p);
    for (let tail = 0; kept > 1; kept--) {
      tail += f32(weights[kept - 1] / total);
      if (f32(tail) > allowed) break;
    }
    return kept;
  },
  min_p({ weights }, kept, p) {
    const total = sumOf(weights, kept);
    const least = f32(f32(p) * f32(1 / total));
    while (kept > 1 && f32(weights[kept - 1] / total) < least) kept--;
    return kept;
  },
};

/** The built-in rule on logits sorted with the largest first; the shown rows are the first ones. */
function makeRule(sorted, used, numRows) {
  const V = sorted.length;
  const isUsed = new Uint8Array(V);
  for (const rank of used) isUsed[rank] = 1;
  const values = new Float32Array(V); // logits after the penalty, sorted
  const weights = new Float64Array(V); // what heat makes of them
  const places = new Uint32Array(numRows); // row -> its place among them
  let hot, whole; // what heat gave, and the sum of its weights
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

  return function probabilities(knobs) {
    const changed = knobs.repetition_penalty !== penalty;
    if (changed) penalize(knobs.repetition_penalty);
    if (changed || knobs.temperature !== temperature) {
      temperature = knobs.temperature;
      hot = heat(values, temperature, weights);
      whole = sumOf(weights, hot.finite);
    }
    let kept = hot.finite;
    for (const [name, cut] of Object.entries(CUTS))
      if (knobs[name] !== null) kept = cut(hot, kept, knobs[name]);
    const total = sumOf(weights, kept);
    let logs = 0; // the mean of the log weights under the final distribution
    for (let i = kept - 1; i > 0; i--)
      if (weights[i] > 0) logs += (weights[i] / total) * Math.log(weights[i]);
    let ties = 0; // how many share the edge of top-k, where that makes it keep more than k
    if (knobs.top_k !== null && kept > knobs.top_k) {
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

