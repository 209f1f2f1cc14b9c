/**
 * Draws what commands print as a terminal window: `node tools/terminal-svg.ts docs/images/up.svg 'make up' 'kubectl get
 * pods -o wide'`. The commands are really run, in order, by `sh -c`; their output is what is drawn.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [out = '', ...commands] = process.argv.slice(2);
const lineHeight = 19;
const characterWidth = 8.43;
const margin = 18;
const barHeight = 34;

const lines: { text: string; isCommand: boolean }[] = [];
for (const line of commands) {
  lines.push({ text: line, isCommand: true });
  const printed = execFileSync('sh', ['-c', line], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  for (const text of printed.trimEnd().split('\n')) lines.push({ text, isCommand: false });
}
const columns = Math.max(...lines.map(({ text }) => text.length)) + 2;
const width = Math.ceil(columns * characterWidth + 2 * margin);
const height = barHeight + lines.length * lineHeight + 2 * margin;

const rows = lines.map(({ text, isCommand }, index) => {
  const y = barHeight + margin + index * lineHeight + 13;
  const prompt = isCommand ? '<tspan fill="#7ee787"># </tspan>' : '';
  const fill = isCommand ? '#ffffff' : '#c9d1d9';
  return `<text x="${margin}" y="${y}" fill="${fill}" xml:space="preserve">${prompt}${escapeXml(text)}</text>`;
});
const dots = ['#ff5f56', '#ffbd2e', '#27c93f'].map(
  (fill, index) => `<circle cx="${22 + index * 20}" cy="17" r="6" fill="${fill}"/>`,
);
mkdirSync(path.dirname(out), { recursive: true });
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${dots.join('')}
${rows.join('\n')}
</svg>
`,
);

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
