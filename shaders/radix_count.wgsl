// How many keys of each digit (4 bits) there are in each tile: of rows of `size` keys, which are taken in `tiles` tiles of `tile` keys each. The counts of a row
// lie by digit, then by tile, so that sums over those in front say where the keys of a tile go (radix_place.wgsl).
//
// Invocations count a tile each, `sweep` of them one after the other; or, where it is SHARED, a workgroup counts one in shared memory. Branches on SHARED are decided
// before compilation (src/device/webgpu/unroll.ts).
//
// The prelude gives: const WORKGROUP; fn radix(), the sizes; fn key(i); fn store(i, count).

struct Radix { points: u32, size: u32, tiles: u32, tile: u32, shift: u32, sweep: u32 }

var<workgroup> shared_counts: array<atomic<u32>, 16>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = radix();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    // The condition is the same in the whole workgroup, so no invocation leaves another alone at a barrier
    if (place >= r.points) { return; }
    if (lane < 16u) { atomicStore(&shared_counts[lane], 0u); }
    workgroupBarrier();
    let row = place / r.tiles;
    let tile = place - row * r.tiles;
    let end = min((tile + 1u) * r.tile, r.size);
    for (var k = tile * r.tile + lane; k < end; k += WORKGROUP) {
      atomicAdd(&shared_counts[(key(row * r.size + k) >> r.shift) & 15u], 1u);
    }
    workgroupBarrier();
    if (lane < 16u) { store((row * 16u + lane) * r.tiles + tile, atomicLoad(&shared_counts[lane])); }
  } else {
    for (var turn = 0u; turn < r.sweep; turn++) {
      let point = (place * r.sweep + turn) * WORKGROUP + lane;
      if (point >= r.points) { break; }
      let row = point / r.tiles;
      let tile = point - row * r.tiles;
      let end = min((tile + 1u) * r.tile, r.size);
      var counts: array<u32, 16>;
      for (var digit = 0u; digit < 16u; digit++) { counts[digit] = 0u; }
      for (var k = tile * r.tile; k < end; k++) { counts[(key(row * r.size + k) >> r.shift) & 15u]++; }
      for (var digit = 0u; digit < 16u; digit++) { store((row * 16u + digit) * r.tiles + tile, counts[digit]); }
    }
  }
}
