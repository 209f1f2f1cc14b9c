/**
 * Deals a hand of different queues to a flow by its hash, as k8s.io/apiserver/pkg/util/shufflesharding: two flows share
 * all of their queues only by a rare chance, so that one flood leaves every other flow some queue that is short.
 */
export function dealHand(flow: string, deckSize: number, handSize: number): number[] {
  const hand: number[] = [];
  let hash = hashOf(flow);
  for (let dealt = 0; dealt < Math.min(handSize, deckSize); dealt += 1) {
    const left = BigInt(deckSize - dealt);
    let card = Number(hash % left);
    hash /= left;
    // The n-th of those cards that are still in the deck.
    for (const taken of hand.toSorted((a, b) => a - b)) if (card >= taken) card += 1;
    hand.push(card);
  }
  return hand;
}

const fnvOffset = 0xcbf29ce484222325n;
const fnvPrime = 0x100000001b3n;

/** FNV-1a of 64 bits, finished so that close texts are far apart. */
function hashOf(text: string): bigint {
  let hash = fnvOffset;
  for (let at = 0; at < text.length; at += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * fnvPrime);
  }
  hash = BigInt.asUintN(64, (hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn);
  return hash ^ (hash >> 33n);
}
