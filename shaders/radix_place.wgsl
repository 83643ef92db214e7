// Moves the keys of each tile to where those of their digit (4 bits) go, in the order in which they are: radix_count.wgsl has counted them, and prefix_sums.wgsl has
// made offsets of the counts.
//
// Invocations move a tile each, `sweep` of them one after the other. Where it is SHARED, a workgroup moves one: each invocation takes neighbouring keys and
// counts its own, and sums over all of these counts in shared memory, by digit and then by invocation, say how many come before.
//
// The prelude gives: const WORKGROUP; fn radix(), the sizes; fn key(i); fn offset(i), where keys go that were counted at i; fn place(to, i), which writes key i
// and its position.

struct Radix { points: u32, size: u32, tiles: u32, tile: u32, shift: u32, sweep: u32 }

var<workgroup> shared_counts: array<u32, 16u * WORKGROUP>;
var<workgroup> shared_sums: array<u32, WORKGROUP>;
// Where keys of a digit go, less how many of smaller digits the tile has.
var<workgroup> shared_bases: array<u32, 16>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = radix();
  let index = group.x + group.y * 65535u;
  if (SHARED) {
    // The condition is the same in the whole workgroup, so no invocation leaves another alone at a barrier
    if (index >= r.points) { return; }
    let row = index / r.tiles;
    let tile = index - row * r.tiles;
    let start = row * r.size;
    let each = r.tile / WORKGROUP;
    let begin = min(tile * r.tile + lane * each, r.size);
    let end = min(begin + each, r.size);
    for (var digit = 0u; digit < 16u; digit++) { shared_counts[digit * WORKGROUP + lane] = 0u; }
    for (var k = begin; k < end; k++) { shared_counts[((key(start + k) >> r.shift) & 15u) * WORKGROUP + lane]++; }
    workgroupBarrier();
    var sum = 0u;
    for (var k = 0u; k < 16u; k++) { sum += shared_counts[lane * 16u + k]; }
    shared_sums[lane] = sum;
    workgroupBarrier();
    for (var step = 1u; step < WORKGROUP; step *= 2u) {
      var before = 0u;
      if (lane >= step) { before = shared_sums[lane - step]; }
      workgroupBarrier();
      shared_sums[lane] += before;
      workgroupBarrier();
    }
    var running = shared_sums[lane] - sum;
    for (var k = 0u; k < 16u; k++) {
      let count = shared_counts[lane * 16u + k];
      shared_counts[lane * 16u + k] = running;
      running += count;
    }
    workgroupBarrier();
    if (lane < 16u) { shared_bases[lane] = offset((row * 16u + lane) * r.tiles + tile) - shared_counts[lane * WORKGROUP]; }
    workgroupBarrier();
    for (var k = begin; k < end; k++) {
      let digit = (key(start + k) >> r.shift) & 15u;
      let rank = shared_counts[digit * WORKGROUP + lane];
      shared_counts[digit * WORKGROUP + lane] = rank + 1u;
      place(shared_bases[digit] + rank, start + k);
    }
  } else {
    for (var turn = 0u; turn < r.sweep; turn++) {
      let point = (index * r.sweep + turn) * WORKGROUP + lane;
      if (point >= r.points) { break; }
      let row = point / r.tiles;
      let tile = point - row * r.tiles;
      let start = row * r.size;
      let end = min((tile + 1u) * r.tile, r.size);
      var next: array<u32, 16>;
      for (var digit = 0u; digit < 16u; digit++) { next[digit] = offset((row * 16u + digit) * r.tiles + tile); }
      for (var k = tile * r.tile; k < end; k++) {
        let digit = (key(start + k) >> r.shift) & 15u;
        let to = next[digit];
        next[digit] = to + 1u;
        place(to, start + k);
      }
    }
  }
}
