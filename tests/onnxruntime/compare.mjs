// Runs pairs of models on the same images and compares their logits.
// Usage: node compare.mjs FOLDER_OF_NODE_MODULES MODEL MODEL ...
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const limit = 1e-4
const [modules, ...models] = process.argv.slice(2)
const ort = createRequire(resolve(modules) + '/')('onnxruntime-node')
const images = new Float32Array(4 * 3 * 6 * 6).map((_, i) => Math.sin(i * 1.7))

async function logits(path) {
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 })
  const result = await session.run({ image: new ort.Tensor('float32', images, [4, 3, 6, 6]) })
  return result.logits.data
}

let worst = 0
for (let i = 0; i < models.length; i += 2) {
  const [a, b] = [await logits(models[i]), await logits(models[i + 1])]
  const error = Math.max(...a.map((value, j) => Math.abs(value - b[j])))
  if (a.length !== 20 || b.length !== 20 || !(error <= limit)) {
    console.log(`${models[i]} and ${models[i + 1]} differ by ${error}`)
    process.exit(1)
  }
  worst = Math.max(worst, error)
}
console.log(`onnxruntime: ${models.length / 2} models, largest difference ${worst}`)
