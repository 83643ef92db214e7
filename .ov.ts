const root = process.argv[2]!
const { nn, optim, randn, init, tensor } = await import(`${root}/src/index.ts`)
await init({ device: 'cpu' })
const model = new nn.Sequential(new nn.Linear(8, 8), new nn.Tanh(), new nn.Linear(8, 4))
const opt = new optim.Adam(model.parameters(), { lr: 0.01 })
const x = randn([2, 8]), y = randn([2, 4])
const step = async () => { opt.zeroGrad(); const l = nn.functional.mseLoss(model.forward(x), y); l.backward(); opt.step(); await l.item() }
for (let i = 0; i < 500; i++) await step()
let best = Infinity
for (let r = 0; r < 12; r++) { const c = process.cpuUsage(); for (let i = 0; i < 300; i++) await step(); const d = process.cpuUsage(c); best = Math.min(best, (d.user + d.system) / 300) }
console.log(root, best.toFixed(1), 'µs CPU per step')
