import { tensor } from 'tapegrad'
import { registerMatchers } from 'tapegrad/testing'

registerMatchers(expect)

it('tests a tensor', async () => {
  await expect(tensor([1, 2]).to('cpu').mul(2)).toBeCloseToTensor([2, 4])
})
