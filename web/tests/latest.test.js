import assert from "node:assert/strict";
import test from "node:test";
import { createPatience, latest } from "../src/latest.js";

test("of requests that come while one is under way only the newest is done", async () => {
  const begun = [];
  const gates = [];
  const request = latest((number) => {
    begun.push(number);
    return new Promise((resolve) => gates.push(resolve));
  });
  const done = [1, 2, 3, 4].map(request);
  assert.deepEqual(begun, [1]);
  gates[0]();
  await done[0];
  await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 4]);
  gates[1]();
  await Promise.all(done);
  assert.deepEqual(begun, [1, 4]);
});

test("work that fails does not stop what comes after it", async () => {
  const request = latest(async (number) => {
    if (number === 1) throw new Error("no");
  });
  const first = request(1);
  const second = request(2);
  await assert.rejects(first);
  await second;
  await request(3);
});

test("work is busy once it has gone on for long, over one piece and the next, and until all is done", async () => {
  const told = [];
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const patient = createPatience(50, (busy) => told.push(busy));
  await patient(pause(5));
  assert.deepEqual(told, [false]);
  const first = patient(pause(40));
  const second = patient(pause(120));
  await first;
  await pause(40);
  assert.deepEqual(told, [false, true]);
  await second;
  assert.deepEqual(told, [false, true, false]);
});
