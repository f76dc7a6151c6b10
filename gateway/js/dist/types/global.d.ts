import { ArrayCollection, CollectionDeltaProcessor, fetchSubscription, MapCollection, SingleItemCollection, Snorky as Client } from "./index.js";
declare global {
    var Snorky: typeof Client & {
        ArrayCollection: typeof ArrayCollection;
        CollectionDeltaProcessor: typeof CollectionDeltaProcessor;
        fetchSubscription: typeof fetchSubscription;
        MapCollection: typeof MapCollection;
        SingleItemCollection: typeof SingleItemCollection;
    };
}
