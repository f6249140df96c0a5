import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendRow } from '../src/chain.ts';
import { CSV_HEADER, csvCell, csvLine } from '../src/csv.ts';
import { ATTEMPT_HEAD, CLOSED_CALL } from './fixtures.ts';

test('a cell that a spreadsheet would run gets a leading apostrophe', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)']) assert.equal(csvCell(text), `'${text}`);
  assert.equal(csvCell('=HYPERLINK("x")'), `"'=HYPERLINK(""x"")"`);
  assert.equal(csvCell('a=1'), 'a=1');
});

test('quotes, commas and line ends stay inside their cell', () => {
  assert.equal(csvCell('a,b'), '"a,b"');
  assert.equal(csvCell('a\r\nb'), '"a\r\nb"');
  assert.equal(csvCell('say "hi"'), '"say ""hi"""');
});

test('a row has its keys as columns, objects as JSON and null as nothing', () => {
  const line = csvLine(appendRow(ATTEMPT_HEAD, CLOSED_CALL));
  assert.ok(CSV_HEADER.startsWith('entry_id,timestamp,trace_id,'));
  assert.ok(line.startsWith('aud_01kt16k478f4ha7pt1as7fhahr,1780304417000,req_01kt16k19ge2zbdw95pa7835sy,00f067aa0ba902b7,,op_'));
  assert.ok(line.includes('"{""host"":""api.github.com"",""method"":""PATCH"",""path"":""/repos/acme/sandbox/issues/7"",""status"":200}"'));
  assert.ok(line.endsWith(',{},dda41c7b89e4433de5e086bfa61dbf3cbf30d7f1cf36ff4cc68871d5208e3ae4\r\n'));
});
