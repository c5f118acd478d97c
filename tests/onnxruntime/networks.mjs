// Runs pairs of models, quantized and dequantized, on labelled images; prints for each the accuracy in
// percent of the first and the largest difference of their logits.
// Usage: node networks.mjs FOLDER_OF_NODE_MODULES IMAGES.npy LABELS.npy QUANTIZED FLOAT ...
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const batch = 50
const [modules, imagesPath, labelsPath, ...models] = process.argv.slice(2)
const ort = createRequire(resolve(modules) + '/')('onnxruntime-node')

/// Shape and bytes of a .npy file of uint8.
function npy(path) {
  const bytes = readFileSync(path)
  const length = bytes.readUInt16LE(8)
  const shape = bytes.toString('latin1', 10, 10 + length).match(/\(([^)]*)\)/)[1]
  return { shape: shape.split(',').filter(extent => extent.trim()).map(Number),
           bytes: bytes.subarray(10 + length) }
}

const images = npy(imagesPath)
const labels = npy(labelsPath).bytes
const [count, ...rest] = images.shape
const size = rest.reduce((a, b) => a * b)

/// The logits of all images, one row an image.
async function logits(path) {
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 })
  const rows = []
  for (let i = 0; i < count; i += batch) {
    const part = new Uint8Array(images.bytes.subarray(i * size, (i + batch) * size))
    const input = new ort.Tensor('uint8', part, [part.length / size, ...rest])
    const result = (await session.run({ image: input })).logits
    const classes = result.dims[1]
    for (let j = 0; j < result.dims[0]; ++j) {
      rows.push([...result.data.subarray(j * classes, (j + 1) * classes)])
    }
  }
  return rows
}

for (let i = 0; i < models.length; i += 2) {
  const [quantized, dequantized] = [await logits(models[i]), await logits(models[i + 1])]
  const right = quantized.filter((row, j) => row.indexOf(Math.max(...row)) === labels[j]).length
  const worst = Math.max(...quantized.flatMap(
    (row, j) => row.map((value, k) => Math.abs(value - dequantized[j][k]))))
  console.log(`${models[i]} ${(100 * right / count).toFixed(2)} ${worst}`)
}
