// out[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n], without shared memory or barriers: the form that adapters in software run best.
// An invocation computes ROWS x COLS outputs in registers. Columns of neighbouring invocations are neighbours, and the rows are the same in the whole
// workgroup, so that per k it takes COLS vector loads of b and GROUPS loads of a for ROWS * COLS fused multiply-adds (f32): each lane of a subgroup loads
// one row of SHARE, and broadcasts hand it to the others; alone (SHARE 1) every row is a uniform load.
//
// Loops to ROWS and COLS are written out before compilation, and branches on constants decided (src/device/webgpu/unroll.ts), which puts the arrays into
// registers. A LONG sum is taken in parts, lest what its additions lose add up: each part joins the totals, and its own loss the rests in a very long one.
//
// The prelude gives: const ROWS, COLS, LANES, SHARE (how many lanes load rows for one another: 1, or the size of a subgroup) and GROUPS = ROWS / SHARE;
// const LONG, KEEPS_REST;
// fn contract(); fn all_bits(), 0xffffffff; fn load_a(i), load_b(i): an element by its position; fn row_of(m), column_of(n): places along the two sides, taken apart;
// fn start_a(batch, row), start_b(batch, column): where a row of a and a column of b begin; step_a(k), step_b(k): how far on the k-th term lies (where
// k stands for several axes, its loop becomes several, and the steps sums over their variables); fn store(batch, row, column, sum).

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_invocation_id) place: u32) {
  let c = contract();
  let tiles_n = (c.n + LANES * COLS - 1u) / (LANES * COLS);
  let tiles_m = (c.m + ROWS - 1u) / ROWS;
  let tile = group.x + group.y * 65535u;
  let batch = tile / (tiles_n * tiles_m);
  if (batch >= c.batches) { return; }
  let rest = tile - batch * tiles_n * tiles_m;
  let m0 = (rest / tiles_n) * ROWS;
  let n0 = (rest % tiles_n) * LANES * COLS + lane;
  var at_a: array<u32, GROUPS>;
  var at_b: array<u32, COLS>;
  // what lies past the edge is computed from the last row or column, and not stored
  for (var g = 0u; g < GROUPS; g++) { at_a[g] = start_a(batch, row_of(min(m0 + g * SHARE + place, c.m - 1u))); }
  for (var j = 0u; j < COLS; j++) { at_b[j] = start_b(batch, column_of(min(n0 + j * LANES, c.n - 1u))); }
  var sums: array<array<f32, COLS>, ROWS>;
  var totals: array<array<f32, COLS>, ROWS>;
  var rests: array<array<f32, COLS>, ROWS>;
  var own: array<f32, GROUPS>;
  var a: array<f32, ROWS>;
  for (var part = 0u; part < c.k; part += c.part) {
    for (var k = part; k < min(part + c.part, c.k); k++) {
      let step_a = step_a(k);
      let step_b = step_b(k);
      for (var g = 0u; g < GROUPS; g++) { own[g] = load_a(at_a[g] + step_a); }
      for (var g = 0u; g < GROUPS; g++) {
        for (var s = 0u; s < SHARE; s++) { a[g * SHARE + s] = subgroupBroadcast(own[g], s); }
      }
      for (var j = 0u; j < COLS; j++) {
        let b = load_b(at_b[j] + step_b);
        for (var i = 0u; i < ROWS; i++) { sums[i][j] = fma(a[i], b, sums[i][j]); }
      }
    }
    if (LONG) {
      for (var i = 0u; i < ROWS; i++) {
        for (var j = 0u; j < COLS; j++) {
          if (KEEPS_REST) {
            let next = held(totals[i][j] + sums[i][j], all_bits());
            rests[i][j] += sums[i][j] - (next - totals[i][j]);
            totals[i][j] = next;
          } else {
            totals[i][j] += sums[i][j];
          }
          sums[i][j] = 0.0;
        }
      }
    }
  }
  if (LONG) {
    for (var i = 0u; i < ROWS; i++) {
      for (var j = 0u; j < COLS; j++) {
        if (KEEPS_REST) { sums[i][j] = with_rest(totals[i][j], rests[i][j]); } else { sums[i][j] = totals[i][j]; }
      }
    }
  }
  // One store for each column in the text instead of one for each sum, which takes compilers in software a fraction of the time. Registers cannot be
  // indexed, so the sum of a row is picked by comparison; the step of 1 is hidden, lest the loop be unrolled.
  let one = min(c.batches, 1u);
  for (var j = 0u; j < COLS; j++) {
    let n = n0 + j * LANES;
    if (n < c.n) {
      let column = column_of(n);
      for (var t = 0u; t < min(ROWS, c.m - m0); t += one) {
        var sum = 0.0;
        for (var i = 0u; i < ROWS; i++) { sum = select(sum, sums[i][j], t == i); }
        store(batch, row_of(m0 + t), column, sum);
      }
    }
  }
}
