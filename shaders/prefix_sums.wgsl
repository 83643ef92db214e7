// Sums over all numbers in front of each, in blocks of `block` numbers: first the sum of every block, then, once these are sums over the blocks in front, each block by
// itself.
//
// Invocations take a block each, `sweep` of them one after the other; or, where it is SHARED, a workgroup takes one, in shared memory. Branches on SHARED and TOTALS are
// decided before compilation (src/device/webgpu/unroll.ts).
//
// The prelude gives: const WORKGROUP; fn sums(), the sizes; fn load(i); fn base(block), the sum in front of a block; fn store(i, sum).

struct Sums { points: u32, length: u32, block: u32, sweep: u32 }

var<workgroup> shared_sums: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = sums();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    // The condition is the same in the whole workgroup, so no invocation leaves another alone at a barrier
    if (place >= s.points) { return; }
    let each = s.block / WORKGROUP;
    let begin = min(place * s.block + lane * each, s.length);
    let end = min(begin + each, s.length);
    var sum = 0u;
    for (var i = begin; i < end; i++) { sum += load(i); }
    shared_sums[lane] = sum;
    workgroupBarrier();
    for (var step = 1u; step < WORKGROUP; step *= 2u) {
      var before = 0u;
      if (lane >= step) { before = shared_sums[lane - step]; }
      workgroupBarrier();
      shared_sums[lane] += before;
      workgroupBarrier();
    }
    if (TOTALS) {
      if (lane == WORKGROUP - 1u) { store(place, shared_sums[lane]); }
    } else {
      var running = base(place) + shared_sums[lane] - sum;
      for (var i = begin; i < end; i++) {
        let number = load(i);
        store(i, running);
        running += number;
      }
    }
  } else {
    for (var turn = 0u; turn < s.sweep; turn++) {
      let block = (place * s.sweep + turn) * WORKGROUP + lane;
      if (block >= s.points) { break; }
      let end = min((block + 1u) * s.block, s.length);
      if (TOTALS) {
        var sum = 0u;
        for (var i = block * s.block; i < end; i++) { sum += load(i); }
        store(block, sum);
      } else {
        var running = base(block);
        for (var i = block * s.block; i < end; i++) {
          let number = load(i);
          store(i, running);
          running += number;
        }
      }
    }
  }
}
